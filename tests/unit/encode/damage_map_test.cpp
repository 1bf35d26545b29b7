#include "encode/software/damage_map.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace lumen::software {
namespace {

constexpr Extent kSize{100, 50};  // 7 by 4 macroblocks

std::vector<unsigned> touched(std::vector<Rect> damage) {
  DamageMap map(kSize, 1);
  const auto flags = map.of(damage);
  std::vector<unsigned> blocks;
  for (unsigned i = 0; i < flags.size(); ++i) {
    if (flags[i] == 0) blocks.push_back(i);
  }
  return blocks;
}

TEST(DamageMap, NothingChangedLeavesEveryBlockUnchanged) {
  DamageMap map(kSize, 1);
  EXPECT_EQ(map.of({}).size(), 28u);
  EXPECT_TRUE(touched({}).empty());
  EXPECT_TRUE(touched({{20, 20, {0, 5}}}).empty());
}

TEST(DamageMap, EveryBlockThatARectangleTouchesIsChanged) {
  EXPECT_EQ(touched({{15, 15, {1, 1}}}), (std::vector<unsigned>{0}));
  EXPECT_EQ(touched({{15, 15, {2, 2}}}), (std::vector<unsigned>{0, 1, 7, 8}));
  EXPECT_EQ(touched({{16, 0, {16, 16}}}), (std::vector<unsigned>{1}));
  EXPECT_EQ(touched({{0, 48, {100, 2}}}), (std::vector<unsigned>{21, 22, 23, 24, 25, 26, 27}));
}

TEST(DamageMap, RectanglesEndAtThePicture) {
  EXPECT_EQ(touched({{96, 48, {4000, 4000}}}), (std::vector<unsigned>{27}));
  EXPECT_EQ(touched({{90, 0, {0xffff'ffff, 1}}}), (std::vector<unsigned>{5, 6}));
  EXPECT_TRUE(touched({{4000, 0, {10, 10}}, {0, 4000, {10, 10}}}).empty());
}

TEST(DamageMap, OnePictureSaysNothingAboutTheNext) {
  DamageMap map(kSize, 1);
  const std::vector<Rect> all{{0, 0, kSize}};
  EXPECT_EQ(std::ranges::count(map.of(all), 0), 28);
  EXPECT_EQ(std::ranges::count(map.of({}), 0), 0);
}

}  // namespace
}  // namespace lumen::software
