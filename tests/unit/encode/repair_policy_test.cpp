#include "encode/repair_policy.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr FrameRate k60{60, 1};
const Timestamp kFirstPicture{seconds(500)};
Timestamp frame(std::uint64_t n) { return kFirstPicture + frame_offset(k60, n); }

TEST(RepairPolicy, OnlyTheFirstFrameIsKeyWithoutRequests) {
  RepairPolicy policy(RepairSettings{});
  EXPECT_EQ(policy.decide(frame(0)).key, KeyFrameReason::kFirst);
  for (std::uint64_t n = 1; n < 1000; ++n)
    ASSERT_EQ(policy.decide(frame(n)).key, std::nullopt) << n;
}

TEST(RepairPolicy, RequestMakesTheNextFrameKeyOnce) {
  RepairPolicy policy(RepairSettings{});
  policy.decide(frame(0));
  policy.request(KeyFrameReason::kUser);
  EXPECT_EQ(policy.decide(frame(60)).key, KeyFrameReason::kUser);
  EXPECT_EQ(policy.decide(frame(120)).key, std::nullopt);
}

TEST(RepairPolicy, ManyRequestsAreOneKeyFrame) {
  RepairPolicy policy(RepairSettings{});
  policy.decide(frame(0));
  for (int i = 0; i < 50; ++i) policy.request(KeyFrameReason::kReceiver);
  policy.request(KeyFrameReason::kSinkOverflow);
  policy.request(KeyFrameReason::kUser);
  EXPECT_EQ(policy.decide(frame(60)).key, KeyFrameReason::kReceiver);
  for (std::uint64_t n = 61; n < 200; ++n)
    ASSERT_EQ(policy.decide(frame(n)).key, std::nullopt) << n;
}

TEST(RepairPolicy, RequestsWithinTheGapWaitAndAreNotForgotten) {
  RepairPolicy policy(RepairSettings{});
  policy.decide(frame(0));
  std::vector<std::uint64_t> keys;
  for (std::uint64_t n = 1; n <= 60; ++n) {
    policy.request(KeyFrameReason::kReceiver);  // a receiver in panic: each frame
    if (policy.decide(frame(n)).key) keys.push_back(n);
  }
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{15, 30, 45, 60}));  // 250 ms at 60 fps
}

TEST(RepairPolicy, ReplacedEncoderDoesNotWait) {
  RepairPolicy policy(RepairSettings{});
  policy.decide(frame(0));
  policy.request(KeyFrameReason::kReceiver);
  policy.request(KeyFrameReason::kEncoderReplaced);
  EXPECT_EQ(policy.decide(frame(1)).key, KeyFrameReason::kEncoderReplaced);
  EXPECT_EQ(policy.decide(frame(30)).key, std::nullopt) << "the receiver got its key frame with it";
}

TEST(RepairPolicy, PeriodicKeyFrameExactlyEveryTwoSecondsOfRegularFrames) {
  RepairPolicy policy(RepairSettings{});
  policy.set_periodic(PeriodicKeyFrames::kOn);
  for (std::uint64_t n = 0; n < 1200; ++n) {
    const auto reason = policy.decide(frame(n)).key;
    ASSERT_EQ(reason.has_value(), n % 120 == 0) << n;
    if (n > 0 && reason) {
      ASSERT_EQ(*reason, KeyFrameReason::kPeriodic);
    }
  }
}

TEST(RepairPolicy, KeyFramesAreNeverMoreThanTwoSecondsApart) {
  // Nominally 60; the real rate is the source's.
  for (const double hz : {60.0, 59.94, 30.0, 29.97, 25.0, 24.0, 7.0, 1.5}) {
    RepairPolicy policy(RepairSettings{});
    policy.set_periodic(PeriodicKeyFrames::kOn);
    Timestamp last_key = kFirstPicture;
    int keys = 0;
    for (int n = 0; n < 2000; ++n) {
      const Timestamp pts =
          kFirstPicture + Nanoseconds{static_cast<std::int64_t>(static_cast<double>(n) * 1e9 / hz)};
      ASSERT_LE(pts - last_key, seconds(2)) << hz << " Hz, frame " << n;
      if (policy.decide(pts).key) {
        last_key = pts;
        ++keys;
      }
    }
    // ... and not needlessly many: one frame early at most.
    EXPECT_LE(keys, 2000 / hz / (2 - 1 / hz - 0.001) + 2) << hz;
  }
}

TEST(RepairPolicy, FrameAfterALongStillPictureIsKeyWhenPeriodic) {
  RepairPolicy policy(RepairSettings{});
  policy.set_periodic(PeriodicKeyFrames::kOn);
  policy.decide(kFirstPicture);
  EXPECT_EQ(policy.decide(kFirstPicture + seconds(9)).key, KeyFrameReason::kPeriodic);
  EXPECT_EQ(policy.decide(kFirstPicture + seconds(9) + milliseconds(16)).key, std::nullopt);
}

TEST(RepairPolicy, PeriodCountsFromAnyKeyFrameAndCanBeSwitched) {
  RepairPolicy policy(RepairSettings{});
  policy.set_periodic(PeriodicKeyFrames::kOn);
  policy.decide(frame(0));
  policy.request(KeyFrameReason::kUser);
  policy.decide(frame(60));
  for (std::uint64_t n = 61; n < 180; ++n)
    ASSERT_EQ(policy.decide(frame(n)).key, std::nullopt) << n;
  EXPECT_EQ(policy.decide(frame(180)).key, KeyFrameReason::kPeriodic);
  policy.set_periodic(PeriodicKeyFrames::kOff);
  EXPECT_EQ(policy.decide(frame(600)).key, std::nullopt);
}

// Losses.

using Repair = EncodeRequest::Repair;

class Losses : public testing::Test {
 protected:
  void run(const EncoderCapabilities& encoder, std::uint64_t frames = 100) {
    policy_.set_encoder(encoder, kWave);
    for (; next_ < frames; ++next_) {
      ASSERT_EQ(policy_.decide(frame(next_)).request.repair,
                next_ == 0 ? Repair::kKeyFrame : Repair::kNone);
    }
  }
  EncodeRequest next() { return policy_.decide(frame(next_++)).request; }

  static constexpr unsigned kWave = 10;
  RepairPolicy policy_{RepairSettings{}};
  std::uint64_t next_ = 0;
};

TEST_F(Losses, AreInvalidatedWhileTheEncoderHasOlderPictures) {
  run({.invalidation = true, .references = 8});
  policy_.report_loss(frame(95), frame(96));
  const EncodeRequest request = next();
  EXPECT_EQ(request.repair, Repair::kInvalidate);
  EXPECT_EQ(request.lost_from, frame(95));
  EXPECT_EQ(next().repair, Repair::kNone) << "once";
}

TEST_F(Losses, TooOldForInvalidationAreAKeyFrame) {
  run({.invalidation = true, .references = 8});
  policy_.report_loss(frame(92), frame(92));  // 92 to 99 are left: none before the lost one
  EXPECT_EQ(next().repair, Repair::kKeyFrame);
}

TEST_F(Losses, TooOldForInvalidationAreAWaveWhereThereIsOne) {
  run({.invalidation = true, .references = 4, .intra_refresh = true});
  policy_.report_loss(frame(90), frame(90));
  EXPECT_EQ(next().repair, Repair::kIntraRefresh);
}

TEST_F(Losses, ThatARepairHealsAreNotAnsweredAgain) {
  run({.invalidation = true, .references = 8});
  policy_.report_loss(frame(97), frame(97));
  EXPECT_EQ(next().repair, Repair::kInvalidate);  // 100
  policy_.report_loss(frame(97), frame(99));      // the repair is still on its way to the receiver
  EXPECT_EQ(next().repair, Repair::kNone);
  policy_.report_loss(frame(97), frame(100));  // the repair itself was lost
  const EncodeRequest again = next();
  EXPECT_EQ(again.repair, Repair::kInvalidate);
  EXPECT_EQ(again.lost_from, frame(97));
}

TEST_F(Losses, InvalidatedPicturesAreNoReferencesLater) {
  run({.invalidation = true, .references = 8});
  policy_.report_loss(frame(94), frame(94));
  EXPECT_EQ(next().repair, Repair::kInvalidate);  // 92 and 93 are left, and 100
  for (int i = 0; i < 6; ++i) ASSERT_EQ(next().repair, Repair::kNone);
  policy_.report_loss(frame(100), frame(100));  // 93 is the only older one, and it is still there
  EXPECT_EQ(next().repair, Repair::kInvalidate);
}

TEST_F(Losses, OfSeveralReceiversAreOneRepair) {
  run({.invalidation = true, .references = 8});
  policy_.report_loss(frame(98), frame(98));
  policy_.report_loss(frame(96), frame(97));
  const EncodeRequest request = next();
  EXPECT_EQ(request.repair, Repair::kInvalidate);
  EXPECT_EQ(request.lost_from, frame(96));
  EXPECT_EQ(next().repair, Repair::kNone);
}

TEST_F(Losses, DuringAWaveWaitForTheNextOne) {
  run({.intra_refresh = true});
  policy_.report_loss(frame(99), frame(99));
  EXPECT_EQ(next().repair, Repair::kIntraRefresh);  // 100 to 109
  EXPECT_EQ(next().repair, Repair::kNone);
  policy_.report_loss(frame(50), frame(60));  // the wave heals this
  EXPECT_EQ(next().repair, Repair::kNone);
  policy_.report_loss(frame(101), frame(101));  // this is a hole in the wave
  for (unsigned i = 3; i < kWave; ++i) ASSERT_EQ(next().repair, Repair::kNone) << i;
  EXPECT_EQ(next().repair, Repair::kIntraRefresh);
  for (unsigned i = 1; i < 3 * kWave; ++i) ASSERT_EQ(next().repair, Repair::kNone) << i;
}

TEST_F(Losses, WithNothingElseAreKeyFramesAtADistance) {
  run({});
  std::vector<std::uint64_t> keys;
  for (std::uint64_t n = 100; n <= 160; ++n) {
    policy_.report_loss(frame(n - 1), frame(n - 1));
    if (next().repair == Repair::kKeyFrame) keys.push_back(n);
  }
  EXPECT_EQ(keys, (std::vector<std::uint64_t>{100, 115, 130, 145, 160}));
}

TEST_F(Losses, AreForgottenWithAKeyFrame) {
  run({.intra_refresh = true});
  policy_.report_loss(frame(99), frame(99));
  policy_.request(KeyFrameReason::kUser);
  EXPECT_EQ(next().repair, Repair::kKeyFrame);
  for (int i = 0; i < 30; ++i) ASSERT_EQ(next().repair, Repair::kNone);
}

TEST_F(Losses, OfAnOldEncoderDoNotReachIntoTheNewOne) {
  run({.invalidation = true, .references = 8});
  policy_.set_encoder({.invalidation = true, .references = 8}, kWave);
  policy_.request(KeyFrameReason::kEncoderReplaced);
  EXPECT_EQ(next().repair, Repair::kKeyFrame);  // 100
  EXPECT_EQ(next().repair, Repair::kNone);
  policy_.report_loss(frame(99), frame(101));  // no picture of the new encoder is older
  for (int n = 102; n < 115; ++n) ASSERT_EQ(next().repair, Repair::kNone) << n;
  EXPECT_EQ(next().repair, Repair::kKeyFrame);
}

}  // namespace
}  // namespace lumen
