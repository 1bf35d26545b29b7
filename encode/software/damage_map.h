// Which macroblocks x264 need not look at. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/geometry.h"

namespace lumen::software {

class DamageMap {
 public:
  /// For pictures of `size`; `unchanged` is the flag of a macroblock in which nothing has changed.
  DamageMap(Extent size, std::uint8_t unchanged);

  /// One byte per macroblock (16x16), rows from the top: `unchanged`, or 0 where a rectangle
  /// touches it. Rectangles may reach beyond the picture. Valid until the next call.
  std::span<std::uint8_t> of(std::span<const Rect> damage);

 private:
  Extent blocks_;
  std::uint8_t unchanged_;
  std::vector<std::uint8_t> flags_;
};

}  // namespace lumen::software
