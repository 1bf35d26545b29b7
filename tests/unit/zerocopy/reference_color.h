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

/// Y, Cb, Cr as rounded code values of 8 or 10 bits.
inline std::array<int, 3> reference_yuv(const Rgb& color, const ColorDescription& description,
                                        int bits = 8) {
  const auto [kr, kb] = luma_weights(description.matrix);
  const double r = color.r / 255, g = color.g / 255, b = color.b / 255;
  const double y = kr * r + (1 - kr - kb) * g + kb * b;
  const double cb = 0.5 * (b - y) / (1 - kb);
  const double cr = 0.5 * (r - y) / (1 - kr);
  const bool limited = description.range == ColorRange::kLimited;
  const double scale = 1 << (bits - 8);
  const double most = 256 * scale - 1;
  const auto code = [most](double value) {
    return static_cast<int>(std::clamp(std::floor(value + 0.5), 0.0, most));
  };
  if (limited) {
    return {code(scale * (219 * y + 16)), code(scale * (224 * cb + 128)),
            code(scale * (224 * cr + 128))};
  }
  return {code(most * y), code(most * cb + scale * 128), code(most * cr + scale * 128)};
}

}  // namespace lumen::test
