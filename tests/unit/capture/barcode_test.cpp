#include "capture/synthetic/barcode.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

struct Luma {
  Extent size;
  Pitch pitch;
  std::vector<std::uint8_t> bytes;

  [[nodiscard]] std::optional<std::uint32_t> read() const {
    return barcode::read_luma(bytes.data(), pitch, size);
  }
};

/// A grey picture with a barcode, as luma; the chroma plane is cut off.
Luma picture(Extent size, std::uint32_t number) {
  Luma luma{size, {row_bytes(Fourcc::kNV12, size.width) + 32}, {}};
  luma.bytes.assign(picture_bytes(Fourcc::kNV12, size.height, luma.pitch), 90);
  barcode::draw(view_pixels(luma.bytes.data(), Fourcc::kNV12, size, luma.pitch), number);
  return luma;
}

/// Bilinear scaling, as a rough scaler does it.
Luma scaled(const Luma& from, Extent size) {
  Luma to{size, {size.width}, std::vector<std::uint8_t>(std::size_t{size.width} * size.height)};
  const auto position = [](std::uint32_t i, std::uint32_t from_length, std::uint32_t to_length) {
    return std::clamp((i + 0.5) * from_length / to_length - 0.5, 0.0, from_length - 1.001);
  };
  for (std::uint32_t y = 0; y < size.height; ++y) {
    const double fy = position(y, from.size.height, size.height);
    for (std::uint32_t x = 0; x < size.width; ++x) {
      const double fx = position(x, from.size.width, size.width);
      const auto at = [&](int dx, int dy) {
        const auto px = static_cast<std::size_t>(fx) + static_cast<std::size_t>(dx);
        const auto py = static_cast<std::size_t>(fy) + static_cast<std::size_t>(dy);
        return double(from.bytes[py * from.pitch.bytes + px]);
      };
      const double ax = fx - static_cast<int>(fx);
      const double ay = fy - static_cast<int>(fy);
      to.bytes[std::size_t{y} * size.width + x] =
          static_cast<std::uint8_t>((at(0, 0) * (1 - ax) + at(1, 0) * ax) * (1 - ay) +
                                    (at(0, 1) * (1 - ax) + at(1, 1) * ax) * ay);
    }
  }
  return to;
}

const std::vector<std::uint32_t> kNumbers{0,          1,          59,         600,       0x00ff00ff,
                                          0x55555555, 0xaaaaaaaa, 0x80000000, 0xffffffff};

TEST(Barcode, ReadsBackEveryNumberAtEverySize) {
  for (const Extent size : {barcode::kSmallest, Extent{320, 180}, Extent{641, 361},
                            Extent{1080, 1920}, Extent{1920, 1080}, Extent{3840, 2160}}) {
    for (const std::uint32_t number : kNumbers) {
      EXPECT_EQ(picture(size, number).read(), number) << size.width << "x" << size.height;
    }
  }
}

TEST(Barcode, SurvivesScaling) {
  for (const std::uint32_t number : kNumbers) {
    EXPECT_EQ(scaled(picture({1920, 1080}, number), {1280, 720}).read(), number);
    EXPECT_EQ(scaled(picture({1920, 1080}, number), {426, 240}).read(), number);
    EXPECT_EQ(scaled(picture({640, 360}, number), {1920, 1080}).read(), number);
  }
}

TEST(Barcode, SurvivesNoiseAndFlattenedContrast) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> noise(-30, 30);
  for (const std::uint32_t number : kNumbers) {
    Luma luma = picture({320, 180}, number);
    for (std::uint8_t& sample : luma.bytes) {
      sample = static_cast<std::uint8_t>(std::clamp(60 + sample / 2 + noise(random), 0, 255));
    }
    EXPECT_EQ(luma.read(), number);
  }
}

TEST(Barcode, RefusesPicturesWithoutOne) {
  std::mt19937 random(11);
  std::uniform_int_distribution<int> level(0, 255);
  Luma luma = picture({320, 180}, 42);
  for (std::uint8_t& sample : luma.bytes) sample = static_cast<std::uint8_t>(level(random));
  EXPECT_EQ(luma.read(), std::nullopt) << "noise";
  for (const int flat : {0, 128, 255}) {
    std::fill(luma.bytes.begin(), luma.bytes.end(), static_cast<std::uint8_t>(flat));
    EXPECT_EQ(luma.read(), std::nullopt) << "flat " << flat;
  }
  EXPECT_EQ(barcode::read_luma(luma.bytes.data(), luma.pitch, {8, 4}), std::nullopt);
}

TEST(Barcode, RefusesMirroredAndUpsideDownPictures) {
  for (const std::uint32_t number : kNumbers) {
    Luma mirrored = picture({320, 180}, number);
    for (std::uint32_t y = 0; y < 180; ++y) {
      const auto row = mirrored.bytes.begin() + std::ptrdiff_t{y} * mirrored.pitch.bytes;
      std::reverse(row, row + 320);
    }
    EXPECT_EQ(mirrored.read(), std::nullopt);

    Luma flipped = picture({320, 22 * 8}, number);
    for (std::uint32_t y = 0; y < 11; ++y) {
      const auto row = flipped.bytes.begin() + std::ptrdiff_t{y} * flipped.pitch.bytes;
      const auto other = flipped.bytes.begin() + std::ptrdiff_t{21 - y} * flipped.pitch.bytes;
      std::swap_ranges(row, row + 320, other);
    }
    EXPECT_EQ(flipped.read(), std::nullopt);
  }
}

TEST(Barcode, ADamagedCellIsNoticed) {
  const Extent size{480, 160};  // cells of 20 × 10
  for (std::uint32_t cell = 0; cell < 48; ++cell) {
    Luma luma = picture(size, 0x12345678);
    const std::uint32_t left = cell % 24 * 20;
    const std::uint32_t top = cell / 24 * 10;
    for (std::uint32_t y = top; y < top + 10; ++y) {
      for (std::uint32_t x = left; x < left + 20; ++x) {
        std::uint8_t& sample = luma.bytes[std::size_t{y} * luma.pitch.bytes + x];
        sample = static_cast<std::uint8_t>(251 - sample);
      }
    }
    EXPECT_EQ(luma.read(), std::nullopt) << "cell " << cell;
  }
}

TEST(Barcode, StaysInsideItsStrip) {
  for (const Extent size : {Extent{320, 180}, Extent{1920, 1080}, Extent{130, 75}}) {
    const Luma luma = picture(size, 0x0f0f0f0f);
    const Rect strip = barcode::strip(size);
    EXPECT_EQ(strip.size.width, size.width);
    for (std::uint32_t y = strip.size.height; y < size.height; ++y) {
      for (std::uint32_t x = 0; x < size.width; ++x) {
        ASSERT_EQ(luma.bytes[std::size_t{y} * luma.pitch.bytes + x], 90) << x << "," << y;
      }
    }
  }
}

}  // namespace
}  // namespace lumen
