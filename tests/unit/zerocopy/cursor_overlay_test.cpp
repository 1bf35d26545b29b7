// The pointer over a picture, compared with what H.273's equations make of it in double precision.
#include "zerocopy/cursor_overlay.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "yuv_buffer.h"
#include "zerocopy/cpu/cursor_painter.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

constexpr Extent kFrame{32, 24};

Cursor cursor_of(Extent size, std::int32_t x, std::int32_t y, unsigned seed = 3) {
  auto shape = std::make_shared<CursorShape>();
  shape->size = size;
  std::mt19937 random(seed);
  for (std::uint32_t i = 0; i < size.width * size.height; ++i) {
    const auto alpha = static_cast<std::uint8_t>(i % 3 == 0   ? 255
                                                 : i % 3 == 1 ? 0
                                                              : random() % 256);
    for (int c = 0; c < 3; ++c) {
      shape->pixels.push_back(static_cast<std::uint8_t>(random() % (alpha + 1U)));
    }
    shape->pixels.push_back(alpha);
  }
  return {std::move(shape), x, y};
}

struct Sample {
  double y = 0, cb = 0, cr = 0, alpha = 0;
};

/// One pixel of the shape as Y'CbCr times alpha, in code values; nothing beside it.
Sample exact(const Cursor& cursor, std::int64_t x, std::int64_t y, const ColorDescription& color,
             bool ten_bits) {
  const std::int64_t column = x - cursor.x;
  const std::int64_t row = y - cursor.y;
  if (column < 0 || row < 0 || column >= cursor.shape->size.width ||
      row >= cursor.shape->size.height) {
    return {};
  }
  const std::uint8_t* const p =
      &cursor.shape->pixels[static_cast<std::size_t>(row * cursor.shape->size.width + column) * 4];
  const double red = p[0] / 255.0, green = p[1] / 255.0, blue = p[2] / 255.0, a = p[3] / 255.0;
  const auto [kr, kb] = luma_weights(color.matrix);
  const double grey = kr * red + (1 - kr - kb) * green + kb * blue;
  const double unit = ten_bits ? 4 : 1;
  const double full = ten_bits ? 1023 : 255;
  const bool limited = color.range == ColorRange::kLimited;
  const double span = limited ? 224 * unit : full;
  return {limited ? (16 * a + 219 * grey) * unit : full * grey,
          128 * unit * a + span * (blue - grey) / 2 / (1 - kb),
          128 * unit * a + span * (red - grey) / 2 / (1 - kr), a};
}

CpuImage image_of(const test::YuvBuffer& buffer) {
  const cpu::TargetPicture& target = buffer.target();
  return {std::shared_ptr<std::uint8_t>(target.planes[0], [](std::uint8_t*) {}), target.format,
          target.planes, target.pitches};
}

/// Any valid code values.
test::YuvBuffer picture_of(Fourcc format) {
  test::YuvBuffer picture(format, kFrame, 64);
  std::mt19937 random(11);
  for (unsigned plane = 0; plane < plane_count(format); ++plane) {
    const PlaneExtent extent = plane_extent(format, kFrame, plane);
    for (std::uint32_t row = 0; row < extent.rows; ++row) {
      std::uint8_t* const bytes =
          picture.target().planes[plane] + row * picture.target().pitches[plane].bytes;
      for (std::size_t i = 0; i < extent.row_bytes; ++i) {
        bytes[i] = static_cast<std::uint8_t>(random());
        if (is_ten_bit(format) && i % 2 == 0) bytes[i] &= 0xc0;
      }
    }
  }
  return picture;
}

void expect_exact(Fourcc format, const ColorDescription& color, const Cursor& cursor) {
  SCOPED_TRACE(to_string(format));
  const bool ten = is_ten_bit(format);
  const test::YuvBuffer clean = picture_of(format);
  const auto overlay = make_overlay(cursor, {{0, 0, kFrame}, kFrame, format, color});
  cpu::CursorPainter painter;
  const auto painted = painter.paint(image_of(clean), kFrame, Damage(), overlay);
  ASSERT_TRUE(painted) << painted.error().describe();
  const test::YuvBuffer result =
      test::copy_of({format,
                     kFrame,
                     {painted->planes[0], painted->planes[1], painted->planes[2]},
                     painted->pitches});
  const auto laid_over = [](int under, double value, double alpha) {
    return under * (1 - alpha) + value;
  };
  const double most = 0.51;
  for (std::uint32_t y = 0; y < kFrame.height; ++y) {
    for (std::uint32_t x = 0; x < kFrame.width; ++x) {
      const Sample s = exact(cursor, x, y, color, ten);
      ASSERT_NEAR(result.y(x, y), laid_over(clean.y(x, y), s.y, s.alpha), most) << x << ',' << y;
      Sample block = s;
      if (!is_full_chroma(format)) {
        block = {};
        for (const auto& [dx, dy] : {std::pair{0, 0}, {1, 0}, {0, 1}, {1, 1}}) {
          const Sample one = exact(cursor, x / 2 * 2 + dx, y / 2 * 2 + dy, color, ten);
          block.cb += one.cb / 4;
          block.cr += one.cr / 4;
          block.alpha += one.alpha / 4;
        }
      }
      const double top = ten ? 1023 : 255;  // full range ends half a step beyond the last code
      ASSERT_NEAR(result.cb(x, y), std::min(laid_over(clean.cb(x, y), block.cb, block.alpha), top),
                  most)
          << x << ',' << y;
      ASSERT_NEAR(result.cr(x, y), std::min(laid_over(clean.cr(x, y), block.cr, block.alpha), top),
                  most)
          << x << ',' << y;
    }
  }
}

TEST(CursorOverlay, EqualsTheExactBlendInEveryFormat) {
  for (const Fourcc format :
       {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    for (const ColorDescription& color :
         {ColorDescription{}, ColorDescription{.matrix = ColorMatrix::kBt601},
          ColorDescription{.matrix = ColorMatrix::kBt2020Ncl, .range = ColorRange::kFull}}) {
      expect_exact(format, color, cursor_of({7, 9}, 6, 4));
      expect_exact(format, color, cursor_of({7, 9}, 5, 3));
    }
  }
}

TEST(CursorOverlay, IsCutOffAtEveryEdge) {
  for (const auto& [x, y] : {std::pair{-4, -5}, {28, 20}, {-3, 18}, {27, -8}, {-5, 3}}) {
    expect_exact(Fourcc::kNV12, {}, cursor_of({9, 9}, x, y));
  }
  for (const auto& [x, y] : {std::pair{-9, 0}, {32, 0}, {0, -9}, {0, 24}, {-16777216, 16777216}}) {
    const auto overlay =
        make_overlay(cursor_of({9, 9}, x, y), {{0, 0, kFrame}, kFrame, Fourcc::kNV12, {}});
    EXPECT_TRUE(overlay.rect.size.empty()) << x << ',' << y;
  }
}

TEST(CursorOverlay, NothingIsDrawnWithoutAShape) {
  const auto overlay = make_overlay({}, {{0, 0, kFrame}, kFrame, Fourcc::kNV12, {}});
  EXPECT_TRUE(overlay.rect.size.empty());
}

TEST(CursorOverlay, GoesWithTheVisiblePartOfABuffer) {
  const Cursor cursor = cursor_of({4, 4}, 14, 10);
  const auto overlay = make_overlay(cursor, {{8, 6, kFrame}, kFrame, Fourcc::kNV12, {}});
  EXPECT_EQ(overlay.rect, (Rect{6, 4, {4, 4}}));
}

TEST(CursorOverlay, PackedPixelsKeepTheirByteOrder) {
  auto shape = std::make_shared<CursorShape>(CursorShape{{1, 1}, {200, 100, 50, 255}});
  for (const Fourcc format : {Fourcc::kBGRx, Fourcc::kRGBA}) {
    const auto overlay = make_overlay({shape, 3, 2}, {{0, 0, {33, 25}}, {33, 25}, format, {}});
    const bool blue_first = format == Fourcc::kBGRx;
    for (unsigned byte = 0; byte < 3; ++byte) {
      const OverlayChannel& channel = overlay.channels[byte];
      EXPECT_EQ(channel.step_bytes, 4U);
      EXPECT_EQ(channel.offset_bytes, byte);
      const std::size_t at = (2 - channel.rect.y) * channel.rect.size.width + 3 - channel.rect.x;
      const unsigned expected = byte == 1 ? 100 : (byte == 0) == blue_first ? 50 : 200;
      EXPECT_EQ(cuda::blend(7, channel.samples[at]), expected);
    }
  }
}

/// Alpha and colour of a whole picture's worth of overlay, as sums over all samples.
double total_alpha(const CursorOverlay& overlay) {
  double sum = 0;
  for (const auto& sample : overlay.channels[0].samples) sum += sample.alpha;
  return sum / cuda::kOpaque;
}

TEST(CursorOverlay, IsScaledAndPlacedAsThePictureIs) {
  auto shape = std::make_shared<CursorShape>();
  shape->size = {16, 16};
  shape->pixels.assign(std::size_t{16} * 16 * 4, 255);
  const Cursor cursor{shape, 320, 180};
  // Half as large in both directions, with bars above and below.
  const auto half = make_overlay(cursor, {{0, 0, {640, 360}}, {320, 240}, Fourcc::kNV12, {}});
  const Rect inner = fit_rectangle({640, 360}, {320, 240});
  EXPECT_NEAR(total_alpha(half), 8 * 8, 0.01);
  for (std::uint32_t y = 0; y < half.rect.size.height; ++y) {
    for (std::uint32_t x = 0; x < half.rect.size.width; ++x) {
      const std::uint32_t at_x = half.rect.x + x - inner.x;
      const std::uint32_t at_y = half.rect.y + y - inner.y;
      const bool inside = at_x >= 160 && at_x < 168 && at_y >= 90 && at_y < 98;
      EXPECT_EQ(half.channels[0].samples[y * half.rect.size.width + x].alpha,
                inside ? cuda::kOpaque : 0U)
          << at_x << ',' << at_y;
    }
  }
  // Larger by half: soft edges, and as much of it.
  const auto larger = make_overlay(cursor, {{0, 0, {640, 360}}, {960, 540}, Fourcc::kNV12, {}});
  EXPECT_NEAR(total_alpha(larger), 24 * 24, 1);
  // Not over the bars.
  const auto edge =
      make_overlay({shape, 100, -8}, {{0, 0, {640, 360}}, {320, 240}, Fourcc::kNV12, {}});
  EXPECT_EQ(edge.rect.y, inner.y);
}

class Painter : public testing::Test {
 protected:
  static constexpr CursorPlacement kPlacement{{0, 0, kFrame}, kFrame, Fourcc::kNV12, {}};
  static std::vector<std::uint8_t> bytes_of(const CpuImage& image) {
    std::vector<std::uint8_t> bytes;
    for (unsigned plane = 0; plane < 2; ++plane) {
      const PlaneExtent extent = plane_extent(image.format, kFrame, plane);
      for (std::uint32_t row = 0; row < extent.rows; ++row) {
        const std::uint8_t* const begin = image.planes[plane] + row * image.pitches[plane].bytes;
        bytes.insert(bytes.end(), begin, begin + extent.row_bytes);
      }
    }
    return bytes;
  }
  static std::vector<std::uint8_t> painted_afresh(const CpuImage& clean,
                                                  const CursorOverlay& overlay) {
    cpu::CursorPainter painter;
    return bytes_of(*painter.paint(clean, kFrame, Damage(), overlay));
  }
};

TEST_F(Painter, AMovedPointerLeavesNothingBehindAndThePictureIsNotTouched) {
  const test::YuvBuffer clean = picture_of(Fourcc::kNV12);
  const CpuImage image = image_of(clean);
  const auto before = bytes_of(image);
  cpu::CursorPainter painter;
  std::vector<CpuImage> held;  // by the encoder, for a while
  for (int step = 0; step < 40; ++step) {
    const auto overlay = make_overlay(cursor_of({7, 5}, step - 4, step % 13), kPlacement);
    const auto painted =
        painter.paint(image, kFrame, step == 0 ? Damage() : Damage::nothing(), overlay);
    ASSERT_TRUE(painted);
    ASSERT_EQ(bytes_of(*painted), painted_afresh(image, overlay)) << step;
    held.push_back(*painted);
    if (held.size() > static_cast<std::size_t>(step % 5)) held.erase(held.begin());
  }
  EXPECT_EQ(bytes_of(image), before);
}

TEST_F(Painter, WhatChangesUnderThePointerIsBroughtAlong) {
  test::YuvBuffer clean = picture_of(Fourcc::kNV12);
  const CpuImage image = image_of(clean);
  cpu::CursorPainter painter;
  std::mt19937 random(5);
  for (int step = 0; step < 40; ++step) {
    Damage changed = step == 0 ? Damage() : Damage::nothing();
    const Rect rect{static_cast<std::uint32_t>(random() % 12) * 2,
                    static_cast<std::uint32_t>(random() % 8) * 2,
                    {4, 4}};
    changed.add(rect);
    const auto part = cpu::part_of(clean.target(), rect);
    for (std::uint32_t row = 0; row < 4; ++row) {
      part.planes[0][row * part.pitches[0].bytes] = static_cast<std::uint8_t>(random());
      part.planes[1][row / 2 * part.pitches[1].bytes] = static_cast<std::uint8_t>(random());
    }
    const auto overlay = make_overlay(cursor_of({7, 5}, 9 + step % 3, 8), kPlacement);
    const auto painted = painter.paint(image, kFrame, changed, overlay);
    ASSERT_TRUE(painted);
    ASSERT_EQ(bytes_of(*painted), painted_afresh(image, overlay)) << step;
    if (step % 7 == 3) painter.forget();
  }
}

}  // namespace
}  // namespace lumen
