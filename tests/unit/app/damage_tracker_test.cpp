#include "app/pipeline/damage_tracker.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

constexpr Extent kSize{64, 48};
using Displaced = LatestSlot<CapturedFrame>::Displaced;

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
  auto older = captured(Rect{16, 16, {8, 8}});
  EXPECT_EQ(supersede(newer, older), Displaced::kLost);
  EXPECT_EQ(newer.damage.rects().size(), 2U);
  CapturedFrame other = captured(Rect{0, 0, {8, 8}});
  other.crop = {2, 0, {62, 48}};
  (void)supersede(newer, other);
  EXPECT_FALSE(newer.damage.known());
}

TEST(DamageTracker, ACursorThatComesAloneTakesAPictureNobodyHasSeenAlong) {
  CapturedFrame picture = captured(Rect{16, 16, {8, 8}});
  picture.times.id = 7;
  picture.cursor.x = 1;
  CapturedFrame newer = captured({});
  newer.image = SamePicture{};
  newer.times.id = 8;
  newer.cursor.x = 2;
  EXPECT_EQ(supersede(newer, picture), Displaced::kMerged);
  EXPECT_TRUE(newer.has_picture());
  EXPECT_EQ(newer.times.id, 7U);
  EXPECT_EQ(newer.damage.rects().size(), 1U);
  EXPECT_EQ(newer.cursor.x, 2);

  CapturedFrame alone = captured({});
  alone.image = SamePicture{};
  CapturedFrame next = captured(Rect{0, 0, {8, 8}});
  EXPECT_EQ(supersede(next, alone), Displaced::kMerged) << "no picture is lost with it";
  EXPECT_EQ(next.damage.rects().size(), 1U);
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
