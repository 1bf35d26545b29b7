// Pictures in host memory that somebody else owns: what the CPU route reads and writes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/geometry.h"
#include "core/pixel_format.h"
#include "zerocopy/frame_geometry.h"

namespace lumen::cpu {

/// Readable picture: one plane for packed RGB, two for NV12 and P010, three for the planar ones.
struct Picture {
  Fourcc format = Fourcc::kNone;
  Extent size;
  std::array<const std::uint8_t*, 3> planes{};
  std::array<Pitch, 3> pitches{};
};

/// Writable Y'CbCr picture. Both sides are even.
struct TargetPicture {
  Fourcc format = Fourcc::kNone;
  Extent size;
  std::array<std::uint8_t*, 3> planes{};
  std::array<Pitch, 3> pitches{};

  [[nodiscard]] Picture readable() const {
    return {format, size, {planes[0], planes[1], planes[2]}, pitches};
  }
};

/// The part of `picture` in `rect`, which lies inside and has even coordinates and sides.
inline TargetPicture part_of(const TargetPicture& picture, const Rect& rect) {
  TargetPicture part = picture;
  part.size = rect.size;
  for (unsigned plane = 0; plane < plane_count(picture.format); ++plane) {
    // What lies above and to the left is a picture too.
    const PlaneExtent before = plane_extent(picture.format, {rect.x, rect.y}, plane);
    part.planes[plane] +=
        std::size_t{before.rows} * picture.pitches[plane].bytes + before.row_bytes;
  }
  return part;
}

}  // namespace lumen::cpu
