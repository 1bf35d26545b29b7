#include "core/pixel_format.h"

#include <fmt/format.h>

namespace lumen {

std::string to_string(Fourcc format) {
  switch (format) {
    case Fourcc::kNone: return "none";
    case Fourcc::kBGRx: return "BGRx";
    case Fourcc::kBGRA: return "BGRA";
    case Fourcc::kRGBx: return "RGBx";
    case Fourcc::kRGBA: return "RGBA";
    case Fourcc::kNV12: return "NV12";
    case Fourcc::kI420: return "I420";
  }
  return fmt::format("fourcc {:#010x}", static_cast<std::uint32_t>(format));
}

unsigned plane_count(Fourcc format) {
  switch (format) {
    case Fourcc::kNone: return 0;
    case Fourcc::kNV12: return 2;
    case Fourcc::kI420: return 3;
    default: return 1;
  }
}

bool is_packed_rgb(Fourcc format) {
  return format == Fourcc::kBGRx || format == Fourcc::kBGRA || format == Fourcc::kRGBx ||
         format == Fourcc::kRGBA;
}

std::string to_string(Modifier modifier) {
  if (modifier == kModifierLinear) return "LINEAR";
  if (modifier == kModifierInvalid) return "INVALID";
  return fmt::format("{:#018x}", modifier.value);
}

}  // namespace lumen
