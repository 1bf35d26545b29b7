// The RGB → Y'CbCr matrix as fixed-point numbers, scaled so that every result ends at bit 23 of a
// 32-bit sum: eight bits begin at bit 16, ten at bit 14. From RGB of ten bits everything lies two
// bits higher, because its larger numbers would make the rounding of the coefficients show.
#pragma once

#include <array>
#include <cstdint>

#include "core/color.h"
#include "core/pixel_format.h"

namespace lumen {

/// One row of the matrix, in the order of the packed pixel from its lowest bits up (the uppermost,
/// alpha or padding, do not count).
using MatrixRow = std::array<std::int32_t, 3>;

/// Bits by which the sums for this packed RGB format lie higher.
constexpr unsigned extra_bits(unsigned source_bit_depth) { return source_bit_depth == 10 ? 2 : 0; }

/// Eight bits: Y = (luma · pixel + luma_bias) >> 16; Cb = (cb · sum of the 2×2 block + chroma_bias)
/// >> 16, where a pixel of 4:4:4 is a block of four alike. Ten bits: >> 14. Both: >> extra_bits()
/// more. No result leaves 0…255 (1023). The fixed-point error is below 0.05 (0.2) of a code value.
struct RgbCoefficients {
  MatrixRow luma{};              // scale 2^16; below 2^16, the middle one may exceed 2^15
  MatrixRow cb{};                // scale 2^14; sums to zero, so that every grey is exactly neutral
  MatrixRow cr{};                // likewise
  std::int32_t luma_bias = 0;    // black level and rounding
  std::int32_t chroma_bias = 0;  // 128 and rounding
};

/// H.273 section 8.3, equations for Y'CbCr of 8 or 10 bits from RGB of either. `format` is packed
/// RGB, `bit_depth` that of the result.
RgbCoefficients make_rgb_coefficients(const ColorDescription& color, Fourcc format,
                                      unsigned bit_depth = 8);

}  // namespace lumen
