#include "app/pipeline/vigil.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

using namespace std::chrono_literals;
using Act = Vigil::Act;
using Last = Vigil::Last;

constexpr Timestamp kVigilStart{Nanoseconds{1'000'000'000'000}};
constexpr Demand kNobody{.frames = false, .waiting_picture = false};
constexpr Demand kRecordingOnly{.frames = true, .waiting_picture = false};

class VigilTest : public testing::Test {
 protected:
  static Timestamp at(Nanoseconds after) { return kVigilStart + after; }
  /// A frame that came and was encoded.
  void show(Nanoseconds after) {
    vigil_.frame_came(at(after));
    vigil_.encoded(at(after));
  }
  /// What is done, and when, if nothing happens.
  std::pair<Act, Nanoseconds> next(Last last = Last::kThere) {
    const Timestamp when = vigil_.next(last);
    if (when == Vigil::kNever) return {Act::kNothing, Nanoseconds::max()};
    EXPECT_EQ(vigil_.act(when - 1ns, last), Act::kNothing) << "before its time";
    const Act act = vigil_.act(when, last);
    if (act == Act::kRepeat || act == Act::kShowWaiting) vigil_.encoded(when);
    return {act, when - kVigilStart};
  }

  Vigil vigil_{VigilSettings{}, kVigilStart};
};

using Step = std::pair<Act, Nanoseconds>;

TEST_F(VigilTest, AStillScreenIsRepeatedTwiceASecond) {
  show(1s);
  EXPECT_EQ(next(), Step(Act::kRepeat, 1500ms));
  EXPECT_EQ(next(), Step(Act::kRepeat, 2000ms));
  EXPECT_EQ(next(Last::kNone), Step(Act::kNothing, Nanoseconds::max()));
}

TEST_F(VigilTest, ALostSourceIsShownAsWaitingAfterAMoment) {
  show(1s);
  vigil_.source_lost(at(1100ms));
  vigil_.source_lost(at(1700ms));
  EXPECT_EQ(next(), Step(Act::kRepeat, 1500ms));
  EXPECT_EQ(next(), Step(Act::kShowWaiting, 1800ms));
  EXPECT_TRUE(vigil_.showing());
  EXPECT_EQ(next(Last::kNone), Step(Act::kShowWaiting, 2050ms));
  EXPECT_EQ(next(Last::kNone), Step(Act::kShowWaiting, 2300ms));
  EXPECT_TRUE(vigil_.frame_came(at(2400ms))) << "it takes our picture's place";
  vigil_.encoded(at(2400ms));
  EXPECT_FALSE(vigil_.showing());
  EXPECT_EQ(next(), Step(Act::kRepeat, 2900ms));
}

TEST_F(VigilTest, ASourceThatIsBackAtOnceWasNeverAway) {
  show(1s);
  vigil_.source_lost(at(1100ms));
  EXPECT_FALSE(vigil_.frame_came(at(1300ms)));
  vigil_.encoded(at(1300ms));
  EXPECT_EQ(next(), Step(Act::kRepeat, 1800ms));
}

TEST_F(VigilTest, AFrameFromBeforeTheLossIsNoReturn) {
  show(1s);
  vigil_.source_lost(at(1100ms));
  EXPECT_FALSE(vigil_.frame_came(at(1090ms)));
  vigil_.encoded(at(1110ms));
  EXPECT_EQ(next(), Step(Act::kRepeat, 1610ms));
  EXPECT_EQ(next(), Step(Act::kShowWaiting, 1800ms));
}

TEST_F(VigilTest, ASourceThatCameBackDuringARestIsGivenAMomentToShowIt) {
  show(1s);
  vigil_.set_demand(kNobody, at(1s));
  while (next().first != Act::kRest) {
  }
  vigil_.source_lost(at(20s));
  vigil_.source_found(at(30s));
  vigil_.set_demand({}, at(60s));
  EXPECT_EQ(next(Last::kNone), Step(Act::kShowWaiting, 60700ms));
}

TEST_F(VigilTest, TheFirstPictureOfAllMayTakeLonger) {
  EXPECT_EQ(next(Last::kNone), Step(Act::kShowWaiting, 2s));
}

TEST_F(VigilTest, ASourceThatIsKnownToBeAbsentIsNotGivenSoLong) {
  vigil_.source_lost(at(10ms));
  EXPECT_EQ(next(Last::kNone), Step(Act::kShowWaiting, 710ms));
}

TEST_F(VigilTest, ARecordingAloneKeepsItsLastPicture) {
  vigil_.set_demand(kRecordingOnly, at(0ms));
  show(1s);
  vigil_.source_lost(at(1100ms));
  for (const Nanoseconds when : {1500ms, 2000ms, 2500ms}) {
    EXPECT_EQ(next(), Step(Act::kRepeat, when));
  }
}

TEST_F(VigilTest, NothingIsDoneForNobody) {
  show(1s);
  vigil_.set_demand(kNobody, at(1200ms));
  vigil_.set_demand(kNobody, at(2200ms));
  Step step;
  do {
    step = next();
  } while (step.first == Act::kRepeat);
  EXPECT_EQ(step, Step(Act::kRest, 4200ms));
  EXPECT_TRUE(vigil_.resting());
  vigil_.source_lost(at(5s));
  EXPECT_EQ(next(), Step(Act::kNothing, Nanoseconds::max()));
}

TEST_F(VigilTest, WhoComesEndsTheRestAndSeesTheOldPictureOnlyIfThereIsNoNewOne) {
  show(1s);
  vigil_.set_demand(kNobody, at(1s));
  while (next().first != Act::kRest) {
  }
  EXPECT_TRUE(vigil_.set_demand({}, at(60s)));
  EXPECT_FALSE(vigil_.resting());
  EXPECT_FALSE(vigil_.set_demand({}, at(60s))) << "once";
  EXPECT_TRUE(vigil_.waits_for_new_picture(at(60s))) << "the pointer alone would show the old one";
  EXPECT_EQ(next(), Step(Act::kRepeat, 60250ms));
  EXPECT_FALSE(vigil_.waits_for_new_picture(at(60250ms)));
}

TEST_F(VigilTest, WhoComesWhileTheSourceIsAwaySeesThatAtOnce) {
  show(1s);
  vigil_.set_demand(kNobody, at(1s));
  while (next().first != Act::kRest) {
  }
  vigil_.source_lost(at(20s));
  vigil_.set_demand({}, at(60s));
  EXPECT_EQ(vigil_.act(at(60s), Last::kThere), Act::kShowWaiting);
}

TEST_F(VigilTest, AShortAbsenceOfViewersIsNoRest) {
  show(1s);
  vigil_.set_demand(kNobody, at(1s));
  EXPECT_FALSE(vigil_.set_demand({}, at(3s)));
  vigil_.set_demand(kNobody, at(3500ms));
  Step step;
  do {
    step = next();
  } while (step.first == Act::kRepeat);
  EXPECT_EQ(step, Step(Act::kRest, 6500ms));
}

}  // namespace
}  // namespace lumen
