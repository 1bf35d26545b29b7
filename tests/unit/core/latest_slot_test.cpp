#include "core/latest_slot.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using namespace std::chrono_literals;
using Slot = LatestSlot<std::shared_ptr<int>>;

TEST(LatestSlot, TheNewerValueReplacesTheOlderWhichIsGivenBackAtOnce) {
  Slot slot;
  auto first = std::make_shared<int>(1);
  EXPECT_FALSE(slot.put(first));
  EXPECT_EQ(first.use_count(), 2);
  EXPECT_TRUE(slot.put(std::make_shared<int>(2)));
  EXPECT_EQ(first.use_count(), 1);
  EXPECT_EQ(slot.replaced(), 1U);
  EXPECT_EQ(**slot.take(), 2);
  EXPECT_FALSE(slot.take());
}

TEST(LatestSlot, ANewValueInheritsFromTheOneThatItReplaces) {
  LatestSlot<std::vector<int>> slot;
  const auto inherit = [](std::vector<int>& newer, const std::vector<int>& older) {
    newer.insert(newer.end(), older.begin(), older.end());
    return LatestSlot<std::vector<int>>::Displaced::kLost;
  };
  EXPECT_FALSE(slot.put({1}, inherit));
  EXPECT_TRUE(slot.put({2}, inherit));
  EXPECT_TRUE(slot.put({3}, inherit));
  EXPECT_EQ(slot.take(), (std::vector{3, 2, 1}));
  EXPECT_FALSE(slot.put({4}, inherit));
  EXPECT_EQ(slot.take(), (std::vector{4})) << "what was taken is not replaced";
}

TEST(LatestSlot, WhatGoesOnInTheNewerValueIsNotLost) {
  LatestSlot<int> slot;
  const auto merge = [](int& newer, int& older) {
    newer += std::exchange(older, 0);
    return LatestSlot<int>::Displaced::kMerged;
  };
  EXPECT_FALSE(slot.put(1, merge));
  EXPECT_FALSE(slot.put(2, merge));
  EXPECT_EQ(slot.replaced(), 0U);
  EXPECT_EQ(slot.take(), 3);
}

TEST(LatestSlot, WaitingEndsWithAValueNewsTheDeadlineOrTheEnd) {
  Slot slot;
  EXPECT_EQ(slot.wait_until(now()), Slot::Wait::kTimeout);
  slot.interrupt();
  EXPECT_EQ(slot.wait_until(now() + 1h), Slot::Wait::kInterrupted);
  EXPECT_EQ(slot.wait_until(now()), Slot::Wait::kTimeout) << "one interruption ends one wait";
  std::jthread producer([&] { slot.put(std::make_shared<int>(3)); });
  EXPECT_EQ(slot.wait_until(now() + 1h), Slot::Wait::kReady);
  std::jthread closer([&] { slot.close(); });
  while (slot.wait_until(now() + 1h) != Slot::Wait::kClosed) (void)slot.take();
}

TEST(LatestSlot, AClosedSlotKeepsNothing) {
  Slot slot;
  auto held = std::make_shared<int>(1);
  slot.put(held);
  slot.close();
  EXPECT_EQ(held.use_count(), 1);
  slot.put(held);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(LatestSlot, UnderLoadTheConsumerSeesValuesInOrderAndTheLastOne) {
  LatestSlot<int> slot;
  constexpr int kLast = 20'000;
  std::jthread producer([&] {
    for (int i = 1; i <= kLast; ++i) slot.put(i);
  });
  int before = 0;
  while (before != kLast) {
    if (slot.wait_until(now() + 10s) != LatestSlot<int>::Wait::kReady) break;
    const auto value = slot.take();
    ASSERT_TRUE(value);
    ASSERT_GT(*value, before);
    before = *value;
  }
  EXPECT_EQ(before, kLast);
}

TEST(FrameOffset, IsExactAfterHoursAndForFractions) {
  EXPECT_EQ(frame_offset({60, 1}, 60ULL * 36'000), 36'000s);
  EXPECT_EQ(frame_offset({60'000, 1001}, 60'000), 1001s);
  EXPECT_EQ(frame_offset({60, 1}, 1), Nanoseconds{16'666'666});
  EXPECT_EQ(frame_offset({0, 1}, 5), 0ns);
}

}  // namespace
}  // namespace lumen
