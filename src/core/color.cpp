#include "core/color.h"

#include <fmt/format.h>

namespace lumen {
namespace {

std::string name_of(ColorPrimaries primaries) {
  switch (primaries) {
    case ColorPrimaries::kBt709: return "BT.709";
    case ColorPrimaries::kBt470m: return "BT.470 M";
    case ColorPrimaries::kBt601Pal: return "BT.601 625";
    case ColorPrimaries::kBt601Ntsc: return "BT.601 525";
    case ColorPrimaries::kSmpte240m: return "SMPTE 240M";
    case ColorPrimaries::kFilm: return "film";
    case ColorPrimaries::kBt2020: return "BT.2020";
    case ColorPrimaries::kXyz: return "XYZ";
    case ColorPrimaries::kDciP3: return "DCI-P3";
    case ColorPrimaries::kDisplayP3: return "Display P3";
    case ColorPrimaries::kEbu3213: return "EBU 3213";
  }
  return fmt::format("primaries {}", static_cast<unsigned>(primaries));
}

std::string name_of(ColorTransfer transfer) {
  switch (transfer) {
    case ColorTransfer::kBt709: return "BT.709";
    case ColorTransfer::kGamma22: return "gamma 2.2";
    case ColorTransfer::kGamma28: return "gamma 2.8";
    case ColorTransfer::kBt601: return "BT.601";
    case ColorTransfer::kSmpte240m: return "SMPTE 240M";
    case ColorTransfer::kLinear: return "linear";
    case ColorTransfer::kLog100: return "log 100:1";
    case ColorTransfer::kLog316: return "log 316:1";
    case ColorTransfer::kSrgb: return "sRGB";
    case ColorTransfer::kBt2020Ten:
    case ColorTransfer::kBt2020Twelve: return "BT.2020";
    case ColorTransfer::kPq: return "PQ";
    case ColorTransfer::kHlg: return "HLG";
  }
  return fmt::format("transfer {}", static_cast<unsigned>(transfer));
}

}  // namespace

std::string to_string(ColorPrimaries primaries) { return name_of(primaries); }
std::string to_string(ColorTransfer transfer) { return name_of(transfer); }

bool is_hdr(const ColorDescription& color) {
  return color.transfer == ColorTransfer::kPq || color.transfer == ColorTransfer::kHlg;
}

std::string describe(const ColorDescription& color) {
  const std::string primaries = to_string(color.primaries);
  const std::string transfer = to_string(color.transfer);
  return primaries == transfer ? primaries : primaries + " " + transfer;
}

}  // namespace lumen
