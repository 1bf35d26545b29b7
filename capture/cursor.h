// The mouse pointer where it comes beside the pictures, for lumen to draw.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/geometry.h"

namespace lumen {

/// The pointer's picture. Shared and never changed: whoever sees the same object has the same
/// picture.
struct CursorShape {
  Extent size;  // neither side is 0, nor more than kMaxCursorSide
  /// Bytes R, G, B, A; colours are multiplied by alpha and never above it. Rows without padding.
  std::vector<std::uint8_t> pixels;
};

inline constexpr std::uint32_t kMaxCursorSide = 1024;  // pixels

struct Cursor {
  std::shared_ptr<const CursorShape> shape;  // null: there is nothing to draw
  /// Of the shape's top left pixel, in the coordinates of the captured buffer. The shape may lie
  /// partly or wholly outside.
  std::int32_t x = 0;
  std::int32_t y = 0;

  friend bool operator==(const Cursor&, const Cursor&) = default;
};

}  // namespace lumen
