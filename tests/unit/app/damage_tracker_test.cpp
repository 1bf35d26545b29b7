#include "app/pipeline/damage_tracker.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

constexpr Extent kSize{64, 48};

CapturedFrame captured(std::optional<Rect> changed) {
  CapturedFrame frame;
  frame.format = Fourcc::kBGRx;
  frame.size = kSize;
  frame.crop = {0, 0, kSize};
  frame.damage = Damage::nothing();
  if (changed) frame.damage.add(*changed);
  return frame;
}

TEST(DamageTracker, TheFirstFrameOfAllIsUnknown) {
  DamageTracker tracker;
  EXPECT_FALSE(tracker.of_frame(kSize).known());
  tracker.captured(captured(Rect{0, 0, {8, 8}}));
  EXPECT_FALSE(tracker.of_frame(kSize).known());
  tracker.encoded();
  tracker.captured(captured(Rect{8, 8, {8, 8}}));
  EXPECT_EQ(tracker.of_frame(kSize).rects()[0], (Rect{8, 8, {8, 8}}));
}

TEST(DamageTracker, FramesThatDidNotReachTheEncoderAreOwed) {
  DamageTracker tracker;
  tracker.captured(captured({}));
  tracker.encoded();
  tracker.captured(captured(Rect{0, 0, {8, 8}}));  // lost
  tracker.captured(captured(Rect{16, 16, {8, 8}}));
  EXPECT_EQ(tracker.of_frame(kSize).rects().size(), 2U);
  tracker.encoded();
  EXPECT_TRUE(tracker.of_frame(kSize).empty()) << "the same picture once more";
}

TEST(DamageTracker, ANewerFrameInheritsWhatWasSkippedUnlessItShowsSomethingElse) {
  CapturedFrame newer = captured(Rect{0, 0, {8, 8}});
  inherit_damage(newer, captured(Rect{16, 16, {8, 8}}));
  EXPECT_EQ(newer.damage.rects().size(), 2U);
  CapturedFrame other = captured(Rect{0, 0, {8, 8}});
  other.crop = {2, 0, {62, 48}};
  inherit_damage(newer, other);
  EXPECT_FALSE(newer.damage.known());
}

TEST(DamageTracker, NothingIsKnownAcrossAChangeOfWhatIsShown) {
  for (int what = 0; what < 4; ++what) {
    DamageTracker tracker;
    tracker.captured(captured({}));
    tracker.encoded();
    CapturedFrame other = captured({});
    if (what == 0) other.size = {66, 48};
    if (what == 1) other.crop = {2, 0, {62, 48}};
    if (what == 2) other.format = Fourcc::kRGBx;
    if (what == 3) tracker.forget();
    tracker.captured(other);
    EXPECT_FALSE(tracker.of_frame(kSize).known()) << what;
  }
}

TEST(DamageTracker, TellsTheShareThatChanges) {
  EXPECT_EQ(changed_share({}, kSize), 1);
  EXPECT_EQ(changed_share(Damage::nothing(), kSize), 0);
  Damage half = Damage::nothing();
  half.add(Rect{0, 0, {32, 48}});
  EXPECT_DOUBLE_EQ(changed_share(half, kSize), 0.5);
}

}  // namespace
}  // namespace lumen
