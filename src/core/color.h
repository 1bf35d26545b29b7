// Colour description, carried from capture to the bitstream's VUI. Values are those of
// ITU-T H.273 (CICP), which H.264, HEVC and libavutil share.
#pragma once

#include <cstdint>
#include <string>

namespace lumen {

enum class ColorMatrix : std::uint8_t {
  kBt709 = 1,
  kFcc = 4,
  kBt601Pal = 5,  // the same numbers as kBt601; H.273 keeps the two systems apart
  kBt601 = 6,
  kSmpte240m = 7,
  kBt2020Ncl = 9,
};
enum class ColorRange : std::uint8_t { kLimited, kFull };
enum class ColorPrimaries : std::uint8_t {
  kBt709 = 1,  // and sRGB
  kBt470m = 4,
  kBt601Pal = 5,   // 625 lines
  kBt601Ntsc = 6,  // 525 lines
  kSmpte240m = 7,
  kFilm = 8,
  kBt2020 = 9,
  kXyz = 10,
  kDciP3 = 11,
  kDisplayP3 = 12,
  kEbu3213 = 22,
};
enum class ColorTransfer : std::uint8_t {
  kBt709 = 1,
  kGamma22 = 4,
  kGamma28 = 5,
  kBt601 = 6,
  kSmpte240m = 7,
  kLinear = 8,
  kLog100 = 9,
  kLog316 = 10,
  kSrgb = 13,
  kBt2020Ten = 14,
  kBt2020Twelve = 15,
  kPq = 16,
  kHlg = 18,
};

struct ColorDescription {
  ColorMatrix matrix = ColorMatrix::kBt709;
  ColorRange range = ColorRange::kLimited;
  ColorPrimaries primaries = ColorPrimaries::kBt709;
  ColorTransfer transfer = ColorTransfer::kBt709;

  friend bool operator==(const ColorDescription&, const ColorDescription&) = default;
};

/// "BT.2020", "Display P3", …
std::string to_string(ColorPrimaries primaries);
/// "PQ", "sRGB", …
std::string to_string(ColorTransfer transfer);

/// "BT.2020 PQ": primaries and transfer, once where they have one name.
std::string describe(const ColorDescription& color);

/// PQ or HLG (ITU-R BT.2100).
bool is_hdr(const ColorDescription& color);

/// The two constants every RGB → Y'CbCr matrix follows from (Kg = 1 - Kr - Kb). H.273 table 4.
struct LumaWeights {
  double kr;
  double kb;
};
constexpr LumaWeights luma_weights(ColorMatrix matrix) {
  switch (matrix) {
    case ColorMatrix::kFcc: return {0.30, 0.11};
    case ColorMatrix::kBt601Pal:
    case ColorMatrix::kBt601: return {0.299, 0.114};
    case ColorMatrix::kSmpte240m: return {0.212, 0.087};
    case ColorMatrix::kBt2020Ncl: return {0.2627, 0.0593};
    case ColorMatrix::kBt709: break;
  }
  return {0.2126, 0.0722};
}

}  // namespace lumen
