#include "zerocopy/cpu/image_pool.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "zerocopy/cpu/picture.h"

namespace lumen::cpu {
namespace {

std::unique_ptr<ImagePool> make_pool(Fourcc format, Extent size, unsigned limit) {
  auto pool = ImagePool::create(format, size, limit);
  EXPECT_TRUE(pool);
  return pool ? std::move(*pool) : nullptr;
}

TEST(ImagePool, PlanesAreAlignedApartAndWholeInEveryFormat) {
  for (const Fourcc format :
       {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    const Extent size{1366, 770};
    const auto pool = make_pool(format, size, 2);
    const auto image = pool->acquire();
    ASSERT_TRUE(image);
    EXPECT_EQ(image->format, format);
    for (unsigned plane = 0; plane < plane_count(format); ++plane) {
      const PlaneExtent extent = plane_extent(format, size, plane);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(image->planes[plane]) % 64, 0u);
      EXPECT_EQ(image->pitches[plane].bytes % 64, 0u);
      EXPECT_GE(image->pitches[plane].bytes, extent.row_bytes);
      // Under ASan this also proves that the memory is there.
      std::memset(image->planes[plane], int(plane) + 1,
                  std::size_t{image->pitches[plane].bytes} * extent.rows);
    }
    for (unsigned plane = 0; plane < plane_count(format); ++plane) {
      EXPECT_EQ(image->planes[plane][0], plane + 1);
    }
  }
}

TEST(ImagePool, UsesTheSameMemoryAgain) {
  const auto pool = make_pool(Fourcc::kNV12, {64, 64}, 3);
  std::set<const std::uint8_t*> seen;
  for (int i = 0; i < 20; ++i) seen.insert(pool->acquire()->memory.get());
  EXPECT_EQ(seen.size(), 1u);
}

TEST(ImagePool, IsBoundedAndSaysRetryUntilOneComesBack) {
  const auto pool = make_pool(Fourcc::kI420, {64, 64}, 2);
  auto first = pool->acquire();
  const auto second = pool->acquire();
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_NE(first->memory, second->memory);
  const auto third = pool->acquire();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, ErrorKind::kRetry);

  CpuImage copy = *first;  // sharing keeps it out
  *first = {};
  EXPECT_FALSE(pool->acquire());
  copy = {};
  EXPECT_TRUE(pool->acquire());
}

TEST(ImagePool, ImagesOutliveTheirPool) {
  auto pool = make_pool(Fourcc::kNV12, {64, 64}, 2);
  auto image = pool->acquire();
  ASSERT_TRUE(image);
  pool.reset();
  std::memset(image->planes[0], 7, std::size_t{64} * 64);  // a use after free under ASan if wrong
  EXPECT_EQ(image->planes[0][64 * 64 - 1], 7);
}

TEST(ImagePool, ImagesComeBackOnAnyThread) {
  const auto pool = make_pool(Fourcc::kNV12, {64, 64}, 4);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      auto image = pool->acquire();
      ASSERT_TRUE(image);
      threads.emplace_back([held = std::move(*image)]() mutable { held = {}; });
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(ImagePool, RefusesImpossibleImages) {
  EXPECT_FALSE(ImagePool::create(Fourcc::kBGRx, {64, 64}));
  EXPECT_FALSE(ImagePool::create(Fourcc::kNV12, {63, 64}));
  EXPECT_FALSE(ImagePool::create(Fourcc::kNV12, {0, 64}));
  EXPECT_FALSE(ImagePool::create(Fourcc::kNV12, {kMaxSide + 2, 64}));
  EXPECT_FALSE(ImagePool::create(Fourcc::kNV12, {64, 64}, 0));
}

}  // namespace
}  // namespace lumen::cpu
