#include "core/damage.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

TEST(Damage, IsUnknownUntilSomebodyKnows) {
  Damage damage;
  EXPECT_FALSE(damage.known());
  EXPECT_FALSE(damage.empty());
  damage.add(Rect{0, 0, {10, 10}});
  EXPECT_FALSE(damage.known()) << "a part that differs says nothing of the rest";
  EXPECT_TRUE(Damage::nothing().known());
  EXPECT_TRUE(Damage::nothing().empty());
}

TEST(Damage, KeepsWhatIsNotInsideAnother) {
  Damage damage = Damage::nothing();
  damage.add(Rect{10, 10, {5, 5}});
  damage.add(Rect{0, 0, {0, 7}});
  damage.add(Rect{40, 40, {5, 5}});
  damage.add(Rect{11, 11, {2, 2}});
  ASSERT_EQ(damage.rects().size(), 2U);
  damage.add(Rect{0, 0, {20, 20}});
  ASSERT_EQ(damage.rects().size(), 2U);
  EXPECT_EQ(damage.rects()[0], (Rect{40, 40, {5, 5}}));
  EXPECT_EQ(damage.rects()[1], (Rect{0, 0, {20, 20}}));
}

TEST(Damage, ManyRectanglesBecomeTheOneAroundThem) {
  Damage damage = Damage::nothing();
  for (std::uint32_t i = 0; i <= Damage::kMost; ++i) damage.add(Rect{100 - i, i * 10, {1, 2}});
  ASSERT_EQ(damage.rects().size(), 1U);
  EXPECT_EQ(damage.rects()[0], (Rect{84, 0, {17, 162}}));
}

TEST(Damage, ForeignRectanglesDoNotOverflow) {
  Damage damage = Damage::nothing();
  for (std::uint32_t i = 0; i <= Damage::kMost; ++i) {
    damage.add(Rect{UINT32_MAX - i, i, {UINT32_MAX, 3}});
  }
  ASSERT_EQ(damage.rects().size(), 1U);
  EXPECT_EQ(damage.rects()[0].x, UINT32_MAX - Damage::kMost);
  EXPECT_EQ(damage.rects()[0].size.width, UINT32_MAX);
}

TEST(Damage, AddsUpOverTime) {
  Damage both = Damage::nothing();
  Damage later = Damage::nothing();
  later.add(Rect{1, 2, {3, 4}});
  both.add(later);
  EXPECT_EQ(both.rects().size(), 1U);
  both.add(Damage::nothing());
  EXPECT_EQ(both.rects().size(), 1U);
  both.add(Damage());
  EXPECT_FALSE(both.known()) << "one unknown picture in between, and everything may differ";
  both.add(later);
  EXPECT_FALSE(both.known());
}

}  // namespace
}  // namespace lumen
