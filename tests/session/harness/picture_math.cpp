// The arithmetic half of decode.h: colours and distances of decoded pictures.
#include <cmath>
#include <numeric>

#include "harness/decode.h"

namespace lumen::session {
namespace {

struct SquaredError {
  double sum = 0;
  std::size_t samples = 0;
  bool comparable = true;

  void add(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
    comparable = comparable && a.size() == b.size() && !a.empty();
    if (!comparable) return;
    sum += std::transform_reduce(
        a.begin(), a.end(), b.begin(), 0.0, std::plus<>(), [](std::uint8_t x, std::uint8_t y) {
          const double distance = static_cast<double>(x) - static_cast<double>(y);
          return distance * distance;
        });
    samples += a.size();
  }

  [[nodiscard]] double decibels() const {
    if (!comparable || samples == 0) return 0;
    if (sum == 0) return std::numeric_limits<double>::infinity();
    return 10.0 * std::log10(255.0 * 255.0 * static_cast<double>(samples) / sum);
  }
};

double mean(const std::vector<std::uint8_t>& plane, std::uint32_t pitch, std::uint32_t left,
            std::uint32_t top, std::uint32_t right, std::uint32_t bottom) {
  double sum = 0;
  for (std::size_t y = top; y < bottom; ++y) {
    const auto row = plane.begin() + static_cast<std::ptrdiff_t>(y * pitch);
    sum = std::accumulate(row + left, row + right, sum);
  }
  return sum / (static_cast<double>(right - left) * static_cast<double>(bottom - top));
}

Result<ColorMatrix> matrix_of(int tag) {
  switch (tag) {
    case 1: return ColorMatrix::kBt709;
    case 5:  // BT.470BG: the same equations as BT.601
    case 6: return ColorMatrix::kBt601;
    case 9: return ColorMatrix::kBt2020Ncl;
    default: break;
  }
  return fail(ErrorKind::kInvalidArgument, "the frame's matrix tag is " + std::to_string(tag));
}

}  // namespace

Rgb yuv_to_rgb(double luma, double blue_diff, double red_diff, ColorMatrix matrix,
               ColorRange range) {
  const LumaWeights weights = luma_weights(matrix);
  const double kg = 1.0 - weights.kr - weights.kb;
  const bool limited = range == ColorRange::kLimited;
  // H.273, equations for VideoFullRangeFlag 0 (16…235, 16…240) and 1 (0…255), inverted.
  const double y = limited ? (luma - 16.0) / 219.0 : luma / 255.0;
  const double cb = (blue_diff - 128.0) / (limited ? 224.0 : 255.0);
  const double cr = (red_diff - 128.0) / (limited ? 224.0 : 255.0);
  const double red = y + 2.0 * (1.0 - weights.kr) * cr;
  const double blue = y + 2.0 * (1.0 - weights.kb) * cb;
  const double green = (y - weights.kr * red - weights.kb * blue) / kg;
  return {.red = 255.0 * red, .green = 255.0 * green, .blue = 255.0 * blue};
}

Result<Rgb> mean_rgb(const DecodedFrame& frame, const Rect& rect) {
  const auto matrix = matrix_of(frame.tags.matrix);
  if (!matrix) return tl::unexpected(matrix.error());
  if (frame.tags.range != 1 && frame.tags.range != 2) {
    return fail(ErrorKind::kInvalidArgument, "the frame's colour range is untagged");
  }
  const std::uint64_t right = std::uint64_t{rect.x} + rect.size.width;
  const std::uint64_t bottom = std::uint64_t{rect.y} + rect.size.height;
  if (rect.size.empty() || right > frame.size.width || bottom > frame.size.height) {
    return fail(ErrorKind::kInvalidArgument, "the rectangle isn't inside the frame");
  }
  const auto r = static_cast<std::uint32_t>(right);
  const auto b = static_cast<std::uint32_t>(bottom);
  const double luma = mean(frame.luma, frame.size.width, rect.x, rect.y, r, b);
  // The chroma samples that the rectangle touches.
  const std::uint32_t pitch = frame.chroma_size().width;
  const auto chroma = [&](const std::vector<std::uint8_t>& plane) {
    return mean(plane, pitch, rect.x / 2, rect.y / 2, (r + 1) / 2, (b + 1) / 2);
  };
  return yuv_to_rgb(luma, chroma(frame.blue_diff), chroma(frame.red_diff), *matrix,
                    frame.tags.range == 2 ? ColorRange::kFull : ColorRange::kLimited);
}

double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  SquaredError error;
  error.add(a, b);
  return error.decibels();
}

double luma_psnr(const DecodedFrame& a, const DecodedFrame& b) {
  return a.size == b.size ? psnr(a.luma, b.luma) : 0;
}

double yuv_psnr(const DecodedFrame& a, const DecodedFrame& b) {
  if (a.size != b.size) return 0;
  SquaredError error;
  error.add(a.luma, b.luma);
  error.add(a.blue_diff, b.blue_diff);
  error.add(a.red_diff, b.red_diff);
  return error.decibels();
}

}  // namespace lumen::session
