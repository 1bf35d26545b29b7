// RGB → Y'CbCr in double precision, straight from H.273 section 8.3: what the kernel is judged by.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "core/color.h"

namespace lumen::test {

struct Rgb {
  double r = 0, g = 0, b = 0;  // 0…255
};

/// Y, Cb, Cr as rounded 8-bit code values.
inline std::array<int, 3> reference_yuv(const Rgb& color, const ColorDescription& description) {
  const auto [kr, kb] = luma_weights(description.matrix);
  const double r = color.r / 255, g = color.g / 255, b = color.b / 255;
  const double y = kr * r + (1 - kr - kb) * g + kb * b;
  const double cb = 0.5 * (b - y) / (1 - kb);
  const double cr = 0.5 * (r - y) / (1 - kr);
  const bool limited = description.range == ColorRange::kLimited;
  const auto code = [](double value) {
    return static_cast<int>(std::clamp(std::floor(value + 0.5), 0.0, 255.0));
  };
  if (limited) return {code(219 * y + 16), code(224 * cb + 128), code(224 * cr + 128)};
  return {code(255 * y), code(255 * cb + 128), code(255 * cr + 128)};
}

}  // namespace lumen::test
