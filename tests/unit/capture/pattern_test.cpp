#include "capture/synthetic/pattern.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "capture/synthetic/barcode.h"

namespace lumen {
namespace {

constexpr Extent kSize{320, 180};
constexpr std::uint8_t kGuard = 0xa5;

/// A picture with guard bytes behind every row and after its end.
struct Picture {
  Picture(Fourcc format, Extent picture_size)
      : size(picture_size),
        pitch{row_bytes(format, picture_size.width) + 24},
        bytes(picture_bytes(format, picture_size.height, pitch) + 64, kGuard),
        view(view_pixels(bytes.data(), format, picture_size, pitch)) {}

  [[nodiscard]] Rgb rgb(std::uint32_t x, std::uint32_t y) const {
    const std::uint8_t* const p = bytes.data() + std::size_t{y} * pitch.bytes + std::size_t{x} * 4;
    const bool red_first = view.format == Fourcc::kRGBx || view.format == Fourcc::kRGBA;
    return red_first ? Rgb{p[0], p[1], p[2]} : Rgb{p[2], p[1], p[0]};
  }
  [[nodiscard]] YCbCr ycbcr(std::uint32_t x, std::uint32_t y) const {
    const std::uint8_t* const chroma =
        bytes.data() + std::size_t{size.height + y / 2} * pitch.bytes + x / 2 * 2;
    return {bytes[std::size_t{y} * pitch.bytes + x], chroma[0], chroma[1]};
  }

  Extent size;
  Pitch pitch;
  std::vector<std::uint8_t> bytes;
  PixelsView view;
};

Picture drawn(Fourcc format, Extent size, std::uint32_t number) {
  Picture picture(format, size);
  PatternPainter(format, size).draw(number, picture.view);
  return picture;
}

constexpr Fourcc kPacked[] = {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA};
constexpr Fourcc kAll[] = {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA,
                           Fourcc::kNV12};

TEST(Pattern, AllPackedFormatsShowTheSamePicture) {
  const Picture reference = drawn(Fourcc::kBGRx, kSize, 5);
  for (const Fourcc format : kPacked) {
    const Picture picture = drawn(format, kSize, 5);
    for (std::uint32_t y = 0; y < kSize.height; ++y) {
      for (std::uint32_t x = 0; x < kSize.width; ++x) {
        ASSERT_EQ(picture.rgb(x, y), reference.rgb(x, y))
            << to_string(format) << " " << x << "," << y;
      }
    }
  }
}

TEST(Pattern, Nv12IsTheBt709PictureOfTheRgbOne) {
  const Picture rgb = drawn(Fourcc::kBGRx, kSize, 9);
  const Picture nv12 = drawn(Fourcc::kNV12, kSize, 9);
  for (std::uint32_t y = 0; y < kSize.height; ++y) {
    for (std::uint32_t x = 0; x < kSize.width; ++x) {
      ASSERT_EQ(nv12.ycbcr(x, y).y, to_bt709_limited(rgb.rgb(x, y)).y) << x << "," << y;
    }
  }
  for (unsigned i = 0; i < kPatchCount; ++i) {
    const Rect r = patch_rect(i, kSize);
    EXPECT_EQ(nv12.ycbcr(r.x + 2, r.y + 2), to_bt709_limited(patch_color(i))) << i;
  }
}

TEST(Pattern, Bt709LimitedKnowsThePrimaries) {
  // ITU-R BT.709-6 item 3.5 with the quantization of item 4.6, rounded.
  EXPECT_EQ(to_bt709_limited({0, 0, 0}), (YCbCr{16, 128, 128}));
  EXPECT_EQ(to_bt709_limited({255, 255, 255}), (YCbCr{235, 128, 128}));
  EXPECT_EQ(to_bt709_limited({255, 0, 0}), (YCbCr{63, 102, 240}));
  EXPECT_EQ(to_bt709_limited({0, 255, 0}), (YCbCr{173, 42, 26}));
  EXPECT_EQ(to_bt709_limited({0, 0, 255}), (YCbCr{32, 240, 118}));
}

TEST(Pattern, PatchesAreWhereTheyAreSaidToBeInEveryFrame) {
  for (const Extent size : {barcode::kSmallest, kSize, Extent{1920, 1080}}) {
    for (const std::uint32_t number : {0U, 1U, 777U}) {
      const Picture picture = drawn(Fourcc::kBGRA, size, number);
      for (unsigned i = 0; i < kPatchCount; ++i) {
        const Rect r = patch_rect(i, size);
        ASSERT_GE(r.size.width, 12U);
        ASSERT_GE(r.size.height, 10U);
        ASSERT_EQ(r.x % 2 + r.y % 2 + r.size.width % 2 + r.size.height % 2, 0U);
        for (std::uint32_t y = r.y; y < r.y + r.size.height; ++y) {
          for (std::uint32_t x = r.x; x < r.x + r.size.width; ++x) {
            ASSERT_EQ(picture.rgb(x, y), patch_color(i)) << "patch " << i;
          }
        }
      }
    }
  }
}

TEST(Pattern, EveryFrameCarriesItsNumber) {
  for (const Extent size : {barcode::kSmallest, kSize, Extent{1280, 720}}) {
    for (const std::uint32_t number : {0U, 1U, 599U, 0xfffffffeU}) {
      const Picture picture = drawn(Fourcc::kNV12, size, number);
      EXPECT_EQ(barcode::read_luma(picture.bytes.data(), picture.pitch, size), number);
    }
  }
}

TEST(Pattern, RedrawingTheMovingPartMakesTheWholeFrame) {
  for (const Fourcc format : kAll) {
    for (const Extent size : {kSize, Extent{321, 181}, barcode::kSmallest}) {
      const PatternPainter painter(format, size);
      Picture picture(format, size);
      painter.draw_static(picture.view);
      for (const std::uint32_t number : {0U, 1U, 100U, 3U}) {
        painter.draw_moving(number, picture.view);
        EXPECT_EQ(picture.bytes, drawn(format, size, number).bytes)
            << to_string(format) << " frame " << number;
      }
    }
  }
}

TEST(Pattern, WritesNoByteOutsideThePicture) {
  for (const Fourcc format : kAll) {
    for (const Extent size :
         {Extent{1, 1}, Extent{2, 2}, Extent{7, 5}, Extent{33, 17}, Extent{321, 181}}) {
      const Picture picture = drawn(format, size, 12345);
      const std::size_t row = row_bytes(format, size.width);
      for (std::size_t at = 0; at < picture.bytes.size(); ++at) {
        const bool inside = at % picture.pitch.bytes < row &&
                            at < picture_bytes(format, size.height, picture.pitch);
        if (!inside) {
          ASSERT_EQ(picture.bytes[at], kGuard)
              << to_string(format) << " " << size.width << "x" << size.height << " at " << at;
        }
      }
    }
  }
}

TEST(Pattern, TheStageChangesEveryFrameAndNothingElseButTheBarcode) {
  const Picture a = drawn(Fourcc::kBGRx, kSize, 20);
  const Picture b = drawn(Fourcc::kBGRx, kSize, 21);
  const Rect stage = stage_rect(kSize);
  std::uint64_t changed = 0;
  for (std::uint32_t y = barcode::strip(kSize).size.height; y < kSize.height; ++y) {
    for (std::uint32_t x = 0; x < kSize.width; ++x) {
      const bool on_stage = x >= stage.x && x < stage.x + stage.size.width && y >= stage.y &&
                            y < stage.y + stage.size.height;
      if (on_stage) {
        changed += a.rgb(x, y) == b.rgb(x, y) ? 0 : 1;
      } else {
        ASSERT_EQ(a.rgb(x, y), b.rgb(x, y)) << x << "," << y;
      }
    }
  }
  const std::uint64_t area = std::uint64_t{stage.size.width} * stage.size.height;
  EXPECT_GT(changed, area * 3 / 4);
  EXPECT_NEAR(double(area), kSize.width * kSize.height / 4.0, double(area) * 0.02);
}

TEST(Pattern, LosingAllGrainStillLeaves36Decibels) {
  constexpr Extent kLarge{1280, 720};
  const Picture picture = drawn(Fourcc::kNV12, kLarge, 3);
  const Rect stage = stage_rect(kLarge);
  const std::uint8_t mean = to_bt709_limited({128, 128, 128}).y;
  double squares = 0;
  for (std::uint32_t y = stage.y; y < stage.y + stage.size.height; ++y) {
    for (std::uint32_t x = stage.x + stage.size.width / 2; x < stage.x + stage.size.width; ++x) {
      const double error = picture.ycbcr(x, y).y - mean;
      if (std::abs(error) < 20) squares += error * error;  // not the box
    }
  }
  const double psnr = 10 * std::log10(255.0 * 255.0 * kLarge.width * kLarge.height / squares);
  EXPECT_GT(psnr, 36.0);
  EXPECT_LT(psnr, 44.0) << "too little grain to keep an encoder busy";
}

}  // namespace
}  // namespace lumen
