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

}  // namespace lumen::cpu
