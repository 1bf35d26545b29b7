// What only ten bits can show: a grey ramp of 1024 levels across pictures of packed RGB of ten
// bits, in the test pattern's gradient.
#pragma once

#include <cstdint>
#include <cstring>

#include "capture/synthetic/pixels_view.h"
#include "core/geometry.h"

namespace lumen::producer {

inline Rect ramp_rect(Extent picture) {
  const std::uint32_t top = picture.height * 5 / 32 & ~1U;
  return {0, top, {picture.width, (picture.height * 7 / 32 & ~1U) - top}};
}

/// The code value of column `x`, 0 to 1023.
inline std::uint32_t ramp_level(std::uint32_t x, std::uint32_t width) { return x * 1024 / width; }

inline void draw_ramp(const PixelsView& view) {
  const Rect where = ramp_rect(view.size);
  for (std::uint32_t y = where.y; y < where.y + where.size.height; ++y) {
    std::uint8_t* const row = view.planes[0] + std::size_t{y} * view.pitches[0].bytes;
    for (std::uint32_t x = 0; x < where.size.width; ++x) {
      const std::uint32_t word = ramp_level(x, where.size.width) * 0x0010'0401U | 3U << 30;
      std::memcpy(row + std::size_t{x} * 4, &word, sizeof(word));
    }
  }
}

}  // namespace lumen::producer
