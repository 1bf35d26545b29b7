// Sizes in pixels and distances in bytes, kept apart by type.
#pragma once

#include <cstdint>

namespace lumen {

struct Extent {
  std::uint32_t width = 0;   // pixels
  std::uint32_t height = 0;  // pixels

  [[nodiscard]] bool empty() const { return width == 0 || height == 0; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

struct Rect {
  std::uint32_t x = 0;  // pixels from the left
  std::uint32_t y = 0;  // pixels from the top
  Extent size;

  friend bool operator==(const Rect&, const Rect&) = default;
};

/// Bytes from one row to the next. Never negative: bottom-up producers are refused at the door.
struct Pitch {
  std::uint32_t bytes = 0;
  friend bool operator==(const Pitch&, const Pitch&) = default;
};

/// The largest picture side lumen accepts, in pixels; guards every size multiplication against
/// overflow. 16384 is the limit of HEVC level 6.2 hardware and of most GPUs' textures.
inline constexpr std::uint32_t kMaxSide = 16384;

}  // namespace lumen
