// Pictures in host memory that somebody else owns: what the CPU route reads and writes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen::cpu {

/// Readable picture: one plane for packed RGB, two for NV12, three for I420.
struct Picture {
  Fourcc format = Fourcc::kNone;
  Extent size;
  std::array<const std::uint8_t*, 3> planes{};
  std::array<Pitch, 3> pitches{};
};

/// Writable NV12 or I420 picture. Both sides are even.
struct TargetPicture {
  Fourcc format = Fourcc::kNone;
  Extent size;
  std::array<std::uint8_t*, 3> planes{};
  std::array<Pitch, 3> pitches{};

  [[nodiscard]] Picture readable() const {
    return {format, size, {planes[0], planes[1], planes[2]}, pitches};
  }
};

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
      return plane == 0 ? PlaneExtent{std::size_t{size.width} * 4, size.height} : PlaneExtent{};
    case Fourcc::kNV12:
      if (plane == 0) return {size.width, size.height};
      return plane == 1 ? PlaneExtent{chroma_width * 2, chroma_height} : PlaneExtent{};
    case Fourcc::kI420:
      if (plane == 0) return {size.width, size.height};
      return plane <= 2 ? PlaneExtent{chroma_width, chroma_height} : PlaneExtent{};
  }
  return {};
}

/// Both sides rounded up to even: what 4:2:0 can hold.
constexpr Extent even_size(Extent size) {
  return {size.width + size.width % 2, size.height + size.height % 2};
}

}  // namespace lumen::cpu
