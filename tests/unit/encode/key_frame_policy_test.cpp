#include "encode/key_frame_policy.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr FrameRate k60{60, 1};
const Timestamp kStart{seconds(500)};
Timestamp frame(std::uint64_t n) { return kStart + frame_offset(k60, n); }

TEST(KeyFramePolicy, OnlyTheFirstFrameIsKeyWithoutRequests) {
  KeyFramePolicy policy(KeyFrameSettings{});
  EXPECT_EQ(policy.decide(frame(0)), KeyFrameReason::kFirst);
  for (std::uint64_t n = 1; n < 1000; ++n) ASSERT_EQ(policy.decide(frame(n)), std::nullopt) << n;
}

TEST(KeyFramePolicy, RequestMakesTheNextFrameKeyOnce) {
  KeyFramePolicy policy(KeyFrameSettings{});
  policy.decide(frame(0));
  policy.request(KeyFrameReason::kUser);
  EXPECT_EQ(policy.decide(frame(60)), KeyFrameReason::kUser);
  EXPECT_EQ(policy.decide(frame(120)), std::nullopt);
}

TEST(KeyFramePolicy, ManyRequestsAreOneKeyFrame) {
  KeyFramePolicy policy(KeyFrameSettings{});
  policy.decide(frame(0));
  for (int i = 0; i < 50; ++i) policy.request(KeyFrameReason::kReceiver);
  policy.request(KeyFrameReason::kSinkOverflow);
  policy.request(KeyFrameReason::kUser);
  EXPECT_EQ(policy.decide(frame(60)), KeyFrameReason::kReceiver);
  for (std::uint64_t n = 61; n < 200; ++n) ASSERT_EQ(policy.decide(frame(n)), std::nullopt) << n;
}

TEST(KeyFramePolicy, RequestsWithinTheGapWaitAndAreNotForgotten) {
  KeyFramePolicy policy(KeyFrameSettings{});
  policy.decide(frame(0));
  std::vector<std::uint64_t> keys;
  for (std::uint64_t n = 1; n <= 60; ++n) {
    policy.request(KeyFrameReason::kReceiver);  // a receiver in panic: each frame
    if (policy.decide(frame(n))) keys.push_back(n);
  }
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{15, 30, 45, 60}));  // 250 ms at 60 fps
}

TEST(KeyFramePolicy, ReplacedEncoderDoesNotWait) {
  KeyFramePolicy policy(KeyFrameSettings{});
  policy.decide(frame(0));
  policy.request(KeyFrameReason::kReceiver);
  policy.request(KeyFrameReason::kEncoderReplaced);
  EXPECT_EQ(policy.decide(frame(1)), KeyFrameReason::kEncoderReplaced);
  EXPECT_EQ(policy.decide(frame(30)), std::nullopt) << "the receiver got its key frame with it";
}

TEST(KeyFramePolicy, PeriodicKeyFrameExactlyEveryTwoSecondsOfRegularFrames) {
  KeyFramePolicy policy(KeyFrameSettings{});
  policy.set_periodic(PeriodicKeyFrames::kOn);
  for (std::uint64_t n = 0; n < 1200; ++n) {
    const auto reason = policy.decide(frame(n));
    ASSERT_EQ(reason.has_value(), n % 120 == 0) << n;
    if (n > 0 && reason) {
      ASSERT_EQ(*reason, KeyFrameReason::kPeriodic);
    }
  }
}

TEST(KeyFramePolicy, KeyFramesAreNeverMoreThanTwoSecondsApart) {
  // Nominally 60; the real rate is the source's.
  for (const double hz : {60.0, 59.94, 30.0, 29.97, 25.0, 24.0, 7.0, 1.5}) {
    KeyFramePolicy policy(KeyFrameSettings{});
    policy.set_periodic(PeriodicKeyFrames::kOn);
    Timestamp last_key = kStart;
    int keys = 0;
    for (int n = 0; n < 2000; ++n) {
      const Timestamp pts =
          kStart + Nanoseconds{static_cast<std::int64_t>(static_cast<double>(n) * 1e9 / hz)};
      ASSERT_LE(pts - last_key, seconds(2)) << hz << " Hz, frame " << n;
      if (policy.decide(pts)) {
        last_key = pts;
        ++keys;
      }
    }
    // ... and not needlessly many: one frame early at most.
    EXPECT_LE(keys, 2000 / hz / (2 - 1 / hz - 0.001) + 2) << hz;
  }
}

TEST(KeyFramePolicy, FrameAfterALongStillPictureIsKeyWhenPeriodic) {
  KeyFramePolicy policy(KeyFrameSettings{});
  policy.set_periodic(PeriodicKeyFrames::kOn);
  policy.decide(kStart);
  EXPECT_EQ(policy.decide(kStart + seconds(9)), KeyFrameReason::kPeriodic);
  EXPECT_EQ(policy.decide(kStart + seconds(9) + milliseconds(16)), std::nullopt);
}

TEST(KeyFramePolicy, PeriodCountsFromAnyKeyFrameAndCanBeSwitched) {
  KeyFramePolicy policy(KeyFrameSettings{});
  policy.set_periodic(PeriodicKeyFrames::kOn);
  policy.decide(frame(0));
  policy.request(KeyFrameReason::kUser);
  policy.decide(frame(60));
  for (std::uint64_t n = 61; n < 180; ++n) ASSERT_EQ(policy.decide(frame(n)), std::nullopt) << n;
  EXPECT_EQ(policy.decide(frame(180)), KeyFrameReason::kPeriodic);
  policy.set_periodic(PeriodicKeyFrames::kOff);
  EXPECT_EQ(policy.decide(frame(600)), std::nullopt);
}

}  // namespace
}  // namespace lumen
