// Colour description, carried from capture to the bitstream's VUI. Values are those of
// ITU-T H.273 (CICP), which H.264, HEVC and libavutil share.
#pragma once

#include <cstdint>

namespace lumen {

enum class ColorMatrix : std::uint8_t { kBt709 = 1, kBt601 = 6, kBt2020Ncl = 9 };
enum class ColorRange : std::uint8_t { kLimited, kFull };
enum class ColorPrimaries : std::uint8_t { kBt709 = 1, kBt2020 = 9 };
enum class ColorTransfer : std::uint8_t { kBt709 = 1, kSrgb = 13, kPq = 16 };

struct ColorDescription {
  ColorMatrix matrix = ColorMatrix::kBt709;
  ColorRange range = ColorRange::kLimited;
  ColorPrimaries primaries = ColorPrimaries::kBt709;
  ColorTransfer transfer = ColorTransfer::kBt709;

  friend bool operator==(const ColorDescription&, const ColorDescription&) = default;
};

/// The two constants every RGB → Y'CbCr matrix follows from (Kg = 1 - Kr - Kb). H.273 table 4.
struct LumaWeights {
  double kr;
  double kb;
};
constexpr LumaWeights luma_weights(ColorMatrix matrix) {
  switch (matrix) {
    case ColorMatrix::kBt601: return {0.299, 0.114};
    case ColorMatrix::kBt2020Ncl: return {0.2627, 0.0593};
    case ColorMatrix::kBt709: break;
  }
  return {0.2126, 0.0722};
}

}  // namespace lumen
