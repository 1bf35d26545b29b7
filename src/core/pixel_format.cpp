#include "core/pixel_format.h"

#include <array>

#include <fmt/format.h>

namespace lumen {
namespace {

// drm_fourcc.h, DRM_FORMAT_MOD_VENDOR_*: the number stands in bits 63:56 of a modifier.
constexpr std::array<std::string_view, 13> kVendors = {
    "generic",  "Intel", "AMD",       "NVIDIA",  "Samsung",  "Qualcomm", "Vivante",
    "Broadcom", "ARM",   "Allwinner", "Amlogic", "MediaTek", "Apple"};
constexpr std::uint64_t kNvidia = 3;

/// drm_fourcc.h, DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D(c, s, g, k, h).
std::string describe_block_linear(std::uint64_t value) {
  const auto field = [value](unsigned lowest, std::uint64_t mask) {
    return value >> lowest & mask;
  };
  const std::uint64_t compression = field(23, 7);
  const std::string layout = fmt::format("h={} k={:#04x} g={} s={}", field(0, 0xf), field(12, 0xff),
                                         field(20, 3), field(22, 1));
  if (compression == 0) return "NVIDIA block-linear " + layout;
  return fmt::format("NVIDIA block-linear compressed {} c={}", layout, compression);
}

}  // namespace

std::string to_string(Fourcc format) {
  switch (format) {
    case Fourcc::kNone: return "none";
    case Fourcc::kBGRx: return "BGRx";
    case Fourcc::kBGRA: return "BGRA";
    case Fourcc::kRGBx: return "RGBx";
    case Fourcc::kRGBA: return "RGBA";
    case Fourcc::kXR30: return "xRGB_210LE";
    case Fourcc::kAR30: return "ARGB_210LE";
    case Fourcc::kXB30: return "xBGR_210LE";
    case Fourcc::kAB30: return "ABGR_210LE";
    case Fourcc::kNV12: return "NV12";
    case Fourcc::kI420: return "I420";
    case Fourcc::kI444: return "I444";
    case Fourcc::kP010: return "P010";
    case Fourcc::kQ410: return "Q410";
  }
  return fmt::format("fourcc {:#010x}", static_cast<std::uint32_t>(format));
}

unsigned plane_count(Fourcc format) {
  switch (format) {
    case Fourcc::kNone: return 0;
    case Fourcc::kNV12:
    case Fourcc::kP010: return 2;
    case Fourcc::kI420:
    case Fourcc::kI444:
    case Fourcc::kQ410: return 3;
    default: return 1;
  }
}

bool is_packed_rgb(Fourcc format) {
  switch (format) {
    case Fourcc::kBGRx:
    case Fourcc::kBGRA:
    case Fourcc::kRGBx:
    case Fourcc::kRGBA:
    case Fourcc::kXR30:
    case Fourcc::kAR30:
    case Fourcc::kXB30:
    case Fourcc::kAB30: return true;
    default: return false;
  }
}

bool is_red_first(Fourcc format) {
  return format == Fourcc::kRGBx || format == Fourcc::kRGBA || format == Fourcc::kXB30 ||
         format == Fourcc::kAB30;
}

unsigned bit_depth(Fourcc format) {
  switch (format) {
    case Fourcc::kXR30:
    case Fourcc::kAR30:
    case Fourcc::kXB30:
    case Fourcc::kAB30:
    case Fourcc::kP010:
    case Fourcc::kQ410: return 10;
    default: return 8;
  }
}

bool is_yuv(Fourcc format) { return plane_count(format) > 1; }

bool is_full_chroma(Fourcc format) { return format == Fourcc::kI444 || format == Fourcc::kQ410; }

bool is_ten_bit(Fourcc format) { return format == Fourcc::kP010 || format == Fourcc::kQ410; }

std::string to_string(Modifier modifier) {
  if (modifier == kModifierLinear) return "LINEAR";
  if (modifier == kModifierInvalid) return "INVALID";
  return fmt::format("{:#018x}", modifier.value);
}

std::string describe(Modifier modifier) {
  if (modifier == kModifierLinear || modifier == kModifierInvalid) return to_string(modifier);
  const std::uint64_t vendor = modifier.value >> 56;
  const bool block_linear = vendor == kNvidia && (modifier.value & 0x10) != 0;
  std::string name;
  if (block_linear) {
    name = describe_block_linear(modifier.value);
  } else if (vendor < kVendors.size()) {
    name = kVendors[vendor];
  } else {
    name = fmt::format("vendor {:#04x}", vendor);
  }
  return fmt::format("{} ({})", name, to_string(modifier));
}

}  // namespace lumen
