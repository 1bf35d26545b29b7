#include "zerocopy/rgb_coefficients.h"

#include <cmath>
#include <utility>

namespace lumen {
namespace {

constexpr double kLumaOne = 1 << 16;
constexpr double kChromaOne = 1 << 14;  // the four pixels of a block bring the other two bits

std::int32_t fixed(double value) { return static_cast<std::int32_t>(std::lround(value)); }

/// Green takes what the other two leave of `total`, which makes the row's sum exact.
MatrixRow bgr_row(double blue, double red, double total) {
  return {fixed(blue), fixed(total) - fixed(blue) - fixed(red), fixed(red)};
}

}  // namespace

RgbCoefficients make_rgb_coefficients(const ColorDescription& color, Fourcc format,
                                      unsigned bit_depth) {
  const auto [kr, kb] = luma_weights(color.matrix);
  const bool limited = color.range == ColorRange::kLimited;
  // In units of the eighth bit limited range is the same for both; full range ends at 1023 / 4.
  const bool ten_bits = bit_depth == 10;
  const double full = ten_bits ? 255.75 : 255.0;
  const unsigned source_depth = lumen::bit_depth(format);
  const unsigned extra = extra_bits(source_depth);
  // Of a code value of the source.
  const double unit = (1U << extra) / ((1U << source_depth) - 1.0);
  const double luma = (limited ? 219.0 : full) * unit * kLumaOne;
  const double chroma = (limited ? 224.0 : full) * unit * kChromaOne;

  RgbCoefficients result;
  result.luma = bgr_row(kb * luma, kr * luma, luma);
  result.cb = bgr_row(0.5 * chroma, -0.5 * kr / (1 - kb) * chroma, 0);
  result.cr = bgr_row(-0.5 * kb / (1 - kr) * chroma, 0.5 * chroma, 0);
  const std::int32_t half = ten_bits ? 1 << 13 : 1 << 15;
  result.luma_bias = (((limited ? 16 : 0) << 16) + half) << extra;
  // One less than a half: full range reaches 255.5 exactly, which has to round down.
  result.chroma_bias = (((128 << 16) + half) << extra) - 1;

  if (is_red_first(format)) {
    for (MatrixRow* row : {&result.luma, &result.cb, &result.cr}) std::swap((*row)[0], (*row)[2]);
  }
  return result;
}

}  // namespace lumen
