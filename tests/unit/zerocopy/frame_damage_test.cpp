// Where a source's damage lies in the frame: compared with what the importers really change.
#include "zerocopy/frame_damage.h"

#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "zerocopy/cpu/convert.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/cpu/scale.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

Damage one(const Rect& rect) {
  Damage damage = Damage::nothing();
  damage.add(rect);
  return damage;
}

TEST(FrameDamage, IsRoundedToWholeChroma) {
  const auto damage = damage_in_frame(one({3, 5, {2, 2}}), {0, 0, {64, 48}}, {64, 48});
  ASSERT_EQ(damage.rects().size(), 1U);
  EXPECT_EQ(damage.rects()[0], (Rect{2, 4, {4, 4}}));
}

TEST(FrameDamage, CountsFromTheVisiblePart) {
  const Rect visible{100, 50, {64, 48}};
  const auto damage = damage_in_frame(one({90, 40, {20, 20}}), visible, {64, 48});
  ASSERT_EQ(damage.rects().size(), 1U);
  EXPECT_EQ(damage.rects()[0], (Rect{0, 0, {10, 10}}));
  EXPECT_TRUE(damage_in_frame(one({0, 0, {100, 200}}), visible, {64, 48}).empty());
  EXPECT_TRUE(damage_in_frame(one({164, 0, {100, 200}}), visible, {64, 48}).empty());
}

TEST(FrameDamage, StaysInsideTheFrame) {
  const auto damage =
      damage_in_frame(one({60, 40, {UINT32_MAX, UINT32_MAX}}), {0, 0, {64, 48}}, {64, 48});
  ASSERT_EQ(damage.rects().size(), 1U);
  EXPECT_EQ(damage.rects()[0], (Rect{60, 40, {4, 8}}));
}

TEST(FrameDamage, UnknownStaysUnknownAndNothingStaysNothing) {
  EXPECT_FALSE(damage_in_frame({}, {0, 0, {64, 48}}, {64, 48}).known());
  EXPECT_TRUE(damage_in_frame(Damage::nothing(), {0, 0, {64, 48}}, {32, 48}).empty());
}

/// What the CPU route makes of packed pixels.
std::vector<std::uint8_t> imported(const std::vector<std::uint8_t>& pixels, Extent source,
                                   Extent target) {
  const auto picture_of = [](CpuImage& image, Extent size) {
    return cpu::TargetPicture{image.format, size, image.planes, image.pitches};
  };
  auto staging = (*cpu::ImagePool::create(Fourcc::kNV12, even_size(source), 1))->acquire();
  auto result = (*cpu::ImagePool::create(Fourcc::kNV12, target, 1))->acquire();
  const cpu::Picture from{Fourcc::kBGRx, source, {pixels.data()}, {Pitch{source.width * 4}}};
  const auto into = picture_of(*staging, even_size(source));
  EXPECT_TRUE(cpu::convert(from, into, {}));
  EXPECT_TRUE(
      cpu::scale_letterboxed(into.readable(), picture_of(*result, target), ColorRange::kLimited));
  std::vector<std::uint8_t> bytes;
  for (unsigned plane = 0; plane < 2; ++plane) {
    const PlaneExtent extent = plane_extent(Fourcc::kNV12, target, plane);
    for (std::size_t row = 0; row < extent.rows; ++row) {
      const auto* begin = result->planes[plane] + row * result->pitches[plane].bytes;
      bytes.insert(bytes.end(), begin, begin + extent.row_bytes);
    }
  }
  return bytes;
}

bool inside(const Damage& damage, std::size_t x, std::size_t y) {
  for (const Rect& rect : damage.rects()) {
    if (x >= rect.x && y >= rect.y && x < std::size_t{rect.x} + rect.size.width &&
        y < std::size_t{rect.y} + rect.size.height) {
      return true;
    }
  }
  return false;
}

TEST(FrameDamage, HoldsEveryPixelThatScalingChanges) {
  std::mt19937 random(7);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  for (const Extent target :
       {Extent{128, 96}, Extent{64, 48}, Extent{200, 150}, Extent{96, 96}, Extent{30, 20}}) {
    const Extent source{128, 96};
    for (int round = 0; round < 20; ++round) {
      std::vector<std::uint8_t> pixels(std::size_t{source.width} * source.height * 4);
      for (auto& byte : pixels) byte = static_cast<std::uint8_t>(random() >> 24);
      const auto before = imported(pixels, source, target);
      Rect rect{below(source.width), below(source.height), {}};
      rect.size = {1 + below(source.width - rect.x), 1 + below(source.height - rect.y)};
      for (std::uint32_t y = rect.y; y < rect.y + rect.size.height; ++y) {
        for (std::uint32_t x = rect.x * 4; x < (rect.x + rect.size.width) * 4; ++x) {
          pixels[std::size_t{y} * source.width * 4 + x] ^= 0xFF;
        }
      }
      const auto after = imported(pixels, source, target);
      const Damage damage = damage_in_frame(one(rect), {0, 0, source}, target);
      ASSERT_TRUE(damage.known());
      const std::size_t luma = std::size_t{target.width} * target.height;
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] == after[i]) continue;
        const std::size_t x = i < luma ? i % target.width : (i - luma) % target.width;
        const std::size_t y = i < luma ? i / target.width : (i - luma) / target.width * 2;
        ASSERT_TRUE(inside(damage, x, y))
            << target.width << "x" << target.height << ": " << x << "," << y;
      }
    }
  }
}

}  // namespace
}  // namespace lumen
