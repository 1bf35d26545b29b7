// Sizes and places that every import route computes alike.
#pragma once

#include <cstddef>
#include <cstdint>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen {

/// What a plane holds, without the padding at the end of its rows.
struct PlaneExtent {
  std::size_t row_bytes = 0;
  std::uint32_t rows = 0;
};

/// Zero for planes that the format does not have. Chroma planes of odd sizes are rounded up, as
/// DRM and PipeWire lay them out.
constexpr PlaneExtent plane_extent(Fourcc format, Extent size, unsigned plane) {
  const std::size_t chroma_width = (std::size_t{size.width} + 1) / 2;
  const std::uint32_t chroma_height = size.height / 2 + size.height % 2;
  switch (format) {
    case Fourcc::kNone: return {};
    case Fourcc::kBGRx:
    case Fourcc::kBGRA:
    case Fourcc::kRGBx:
    case Fourcc::kRGBA:
    case Fourcc::kXR30:
    case Fourcc::kAR30:
    case Fourcc::kXB30:
    case Fourcc::kAB30:
      return plane == 0 ? PlaneExtent{std::size_t{size.width} * 4, size.height} : PlaneExtent{};
    case Fourcc::kNV12:
      if (plane == 0) return {size.width, size.height};
      return plane == 1 ? PlaneExtent{chroma_width * 2, chroma_height} : PlaneExtent{};
    case Fourcc::kI420:
      if (plane == 0) return {size.width, size.height};
      return plane <= 2 ? PlaneExtent{chroma_width, chroma_height} : PlaneExtent{};
    case Fourcc::kI444: return plane <= 2 ? PlaneExtent{size.width, size.height} : PlaneExtent{};
    case Fourcc::kP010:
      if (plane == 0) return {std::size_t{size.width} * 2, size.height};
      return plane == 1 ? PlaneExtent{chroma_width * 4, chroma_height} : PlaneExtent{};
    case Fourcc::kQ410:
      return plane <= 2 ? PlaneExtent{std::size_t{size.width} * 2, size.height} : PlaneExtent{};
  }
  return {};
}

/// Both sides rounded up to even: what 4:2:0 can hold.
constexpr Extent even_size(Extent size) {
  return {size.width + size.width % 2, size.height + size.height % 2};
}

/// Where a source of this size lies in the target: as large as fits, centred, on even coordinates,
/// both sides even and at least 2. `target` has even sides; neither is empty.
Rect fit_rectangle(Extent source, Extent target);

/// The part of a frame that its crop shows. For NV12 an odd origin is rounded down to even, because
/// chroma can't be cut in half; the size stays. Error: kInvalidArgument, an impossible size or
/// crop.
Result<Rect> visible_part(const CapturedFrame& captured);

}  // namespace lumen
