#include "zerocopy/cpu/scale.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "yuv_buffer.h"

namespace lumen::cpu {
namespace {

using test::YuvBuffer;

TEST(FitRectangle, KeepsTheAspectRatioInTheMiddle) {
  const auto fit = [](Extent source, Extent target) { return fit_rectangle(source, target); };
  EXPECT_EQ(fit({1920, 1080}, {1280, 720}), (Rect{0, 0, {1280, 720}}));
  EXPECT_EQ(fit({3840, 2160}, {1920, 1080}), (Rect{0, 0, {1920, 1080}}));
  EXPECT_EQ(fit({640, 360}, {1920, 1080}), (Rect{0, 0, {1920, 1080}}));
  // 4:3 in 16:9 stands upright between bars; 16:9 in 4:3 lies between them.
  EXPECT_EQ(fit({1024, 768}, {1920, 1080}), (Rect{240, 0, {1440, 1080}}));
  EXPECT_EQ(fit({1920, 1080}, {1024, 768}), (Rect{0, 96, {1024, 576}}));
  EXPECT_EQ(fit({1366, 768}, {1280, 720}), (Rect{0, 0, {1280, 720}}));
}

TEST(FitRectangle, IsEvenInsideAndNeverEmpty) {
  const std::uint32_t sides[] = {1, 2, 3, 17, 540, 767, 1080, 1366, 2559, kMaxSide};
  const std::uint32_t target_sides[] = {2, 4, 6, 720, 1080, 1920, kMaxSide};
  for (const std::uint32_t w : sides) {
    for (const std::uint32_t h : sides) {
      for (const std::uint32_t tw : target_sides) {
        for (const std::uint32_t th : target_sides) {
          const Rect rect = fit_rectangle({w, h}, {tw, th});
          SCOPED_TRACE(std::to_string(w) + "x" + std::to_string(h) + " in " + std::to_string(tw) +
                       "x" + std::to_string(th));
          ASSERT_EQ((rect.x | rect.y | rect.size.width | rect.size.height) % 2, 0u);
          ASSERT_GE(rect.size.width, 2u);
          ASSERT_GE(rect.size.height, 2u);
          ASSERT_LE(rect.x + rect.size.width, tw);
          ASSERT_LE(rect.y + rect.size.height, th);
          ASSERT_TRUE(rect.size.width == tw || rect.size.height == th);
          // Centred to within the pixel pair that evenness costs.
          ASSERT_LE(tw - rect.size.width - 2 * rect.x, 2u);
          ASSERT_LE(th - rect.size.height - 2 * rect.y, 2u);
          // The other side is within a pixel of the exact one, unless it would vanish.
          const double exact_height = double(tw) * h / w;
          const double exact_width = double(th) * w / h;
          if (rect.size.width == tw && rect.size.height > 2 && rect.size.height < th) {
            ASSERT_LE(std::abs(rect.size.height - exact_height), 1.0);
          }
          if (rect.size.height == th && rect.size.width > 2 && rect.size.width < tw) {
            ASSERT_LE(std::abs(rect.size.width - exact_width), 1.0);
          }
        }
      }
    }
  }
}

/// Luma rises to the right, Cb downwards, Cr falls downwards.
YuvBuffer gradient(Fourcc format, Extent size) {
  YuvBuffer result(format, size, 10);
  const TargetPicture& picture = result.target();
  const auto put = [&](unsigned plane, std::size_t row, std::size_t index, double value) {
    std::uint8_t* const start = picture.planes[plane] + row * picture.pitches[plane].bytes;
    if (!is_ten_bit(format)) {
      start[index] = static_cast<std::uint8_t>(value);
      return;
    }
    const auto word = static_cast<std::uint16_t>(static_cast<unsigned>(value * 4) << 6);
    std::memcpy(start + index * 2, &word, 2);
  };
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) put(0, y, x, 16 + 219.0 * x / size.width);
  }
  const bool pairs = plane_count(format) == 2;
  const std::uint32_t divisor = is_full_chroma(format) ? 1 : 2;
  for (std::uint32_t y = 0; y < size.height / divisor; ++y) {
    const double cb = 32 + 192.0 * (y * divisor) / size.height;
    for (std::uint32_t x = 0; x < size.width / divisor; ++x) {
      put(1, y, pairs ? 2 * x : x, cb);
      put(pairs ? 1 : 2, y, pairs ? 2 * x + 1 : x, 255 - cb);
    }
  }
  return result;
}

class Scale : public testing::TestWithParam<Fourcc> {};
INSTANTIATE_TEST_SUITE_P(Formats, Scale,
                         testing::Values(Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010,
                                         Fourcc::kQ410),
                         [](const auto& format) { return to_string(format.param); });

TEST_P(Scale, GradientSurvivesShrinkingAndGrowingBetweenBlackBars) {
  struct Case {
    Extent source, target;
  };
  for (const Case& c : {Case{{640, 360}, {320, 180}}, Case{{640, 480}, {426, 240}},
                        Case{{320, 240}, {1280, 720}}, Case{{640, 360}, {320, 240}},
                        Case{{1366, 768}, {1280, 720}}, Case{{606, 294}, {192, 192}}}) {
    SCOPED_TRACE(std::to_string(c.source.width) + " to " + std::to_string(c.target.width));
    for (const ColorRange range : {ColorRange::kLimited, ColorRange::kFull}) {
      const YuvBuffer source = gradient(GetParam(), c.source);
      const YuvBuffer result(GetParam(), c.target, 6);
      ASSERT_TRUE(scale_letterboxed(source.source(), result.target(), range));
      EXPECT_TRUE(result.padding_untouched());
      const Rect inner = fit_rectangle(c.source, c.target);
      const int unit = is_ten_bit(GetParam()) ? 4 : 1;  // code values of an eighth bit
      const int black = range == ColorRange::kLimited ? 16 * unit : 0;
      double worst_luma = 0, worst_chroma = 0;
      for (std::uint32_t y = 0; y < c.target.height; ++y) {
        for (std::uint32_t x = 0; x < c.target.width; ++x) {
          const bool inside = x >= inner.x && x < inner.x + inner.size.width && y >= inner.y &&
                              y < inner.y + inner.size.height;
          if (!inside) {
            ASSERT_EQ(result.y(x, y), black) << x << "," << y;
            ASSERT_EQ(result.cb(x, y), 128 * unit) << x << "," << y;
            ASSERT_EQ(result.cr(x, y), 128 * unit) << x << "," << y;
            continue;
          }
          const auto code = [unit](int value) { return static_cast<double>(value) / unit; };
          const double right = (x - inner.x + 0.5) / inner.size.width;
          const double down = (y / 2 * 2 - inner.y + 1.0) / inner.size.height;
          ASSERT_GE(result.y(x, y), 0);  // no more than ten bits
          ASSERT_GE(result.cb(x, y), 0);
          worst_luma = std::max(worst_luma, std::abs(code(result.y(x, y)) - (15.5 + 219 * right)));
          worst_chroma =
              std::max(worst_chroma, std::abs(code(result.cb(x, y)) - (31.5 + 192 * down)));
          worst_chroma =
              std::max(worst_chroma, std::abs(code(result.cr(x, y)) - (223.5 - 192 * down)));
        }
      }
      EXPECT_LE(worst_luma, 4);
      EXPECT_LE(worst_chroma, 5);
    }
  }
}

TEST_P(Scale, RefusesAnotherFormat) {
  const YuvBuffer source(GetParam(), {64, 64});
  const YuvBuffer result(GetParam() == Fourcc::kNV12 ? Fourcc::kI420 : Fourcc::kNV12, {32, 32});
  const auto outcome = scale_letterboxed(source.source(), result.target(), ColorRange::kLimited);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::kInvalidArgument);
}

}  // namespace
}  // namespace lumen::cpu
