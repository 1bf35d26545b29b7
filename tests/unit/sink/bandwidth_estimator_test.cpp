#include "sink/rtp/bandwidth_estimator.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "simulated_link.h"

namespace lumen::rtp::test {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kStart{std::chrono::hours{20}};
constexpr std::size_t kPacket = 1200;

/// A stream that follows the estimate frame by frame, 60 a second, with frames that vary in size.
class Stream {
 public:
  explicit Stream(std::uint64_t highest) : estimator({.highest_bps = highest}), highest_(highest) {}

  SimulatedLink link;
  BandwidthEstimator estimator;
  double used = 1;  // share of the estimate that the pictures need

  /// `look` is called after each frame with the time since the start of the stream.
  void run(Nanoseconds duration, const std::function<void(Nanoseconds)>& look = {}) {
    const Timestamp end = time_ + duration;
    while (time_ < end) {
      send_frame();
      time_ += 16'666'667ns;
      if (time_ >= report_at_) {
        estimator.on_packets(time_, link.feedback(time_));
        report_at_ = time_ + 50ms;  // as Chromium does at these rates
      }
      if (look) look(time_ - kStart);
    }
  }

  [[nodiscard]] double estimate() const {
    return double(estimator.bits_per_second(time_).value_or(highest_));
  }
  [[nodiscard]] Nanoseconds queue() const { return link.queue(time_); }
  [[nodiscard]] double target() const { return target_; }

 private:
  void send_frame() {
    // What is decided now takes effect two frames later.
    target_ = pending_.front();
    pending_.erase(pending_.begin());
    pending_.push_back(estimate());
    const double wobble = 0.8 + 0.4 * double(frame_++ % 5) / 4;
    auto bytes = std::int64_t(target_ * used * wobble / 8 / 60);
    for (Timestamp at = time_; bytes > 0; bytes -= kPacket, at += 50us) {
      link.send(at, std::size_t(std::min<std::int64_t>(bytes, kPacket)));
    }
  }

  const std::uint64_t highest_;
  Timestamp time_ = kStart;
  Timestamp report_at_ = kStart + 50ms;
  std::size_t frame_ = 0;
  double target_ = 0;
  std::vector<double> pending_{double(highest_), double(highest_)};
};

double mb(double bits) { return bits / 1e6; }

TEST(BandwidthEstimator, KnowsNothingBeforeAReport) {
  BandwidthEstimator estimator({});
  EXPECT_FALSE(estimator.bits_per_second(kStart));
  estimator.on_packets(kStart, {});
  EXPECT_FALSE(estimator.bits_per_second(kStart));
}

TEST(BandwidthEstimator, LeavesAWideWayAlone) {
  Stream stream(20'000'000);
  stream.link.path = {.bits_per_second = 100e6, .jitter = 8ms};
  stream.run(60s, [&](Nanoseconds) { ASSERT_EQ(stream.estimate(), 20e6); });
}

TEST(BandwidthEstimator, FollowsADropWithinTwoSecondsAndEmptiesTheQueue) {
  Stream stream(20'000'000);
  stream.link.path = {.bits_per_second = 25e6};
  stream.run(10s);
  stream.link.path.bits_per_second = 3e6;
  stream.run(2s);
  EXPECT_LE(mb(stream.target()), 3.0);
  stream.run(1s);
  stream.run(20s, [&](Nanoseconds time) {
    ASSERT_LT(stream.queue(), 200ms) << time / 1ms;
    ASSERT_LE(mb(stream.target()), 3.6) << time / 1ms;
  });
  EXPECT_GE(mb(stream.target()), 2.2);
}

TEST(BandwidthEstimator, IsBackWithinFifteenSeconds) {
  Stream stream(20'000'000);
  stream.link.path = {.bits_per_second = 25e6};
  stream.run(5s);
  stream.link.path.bits_per_second = 3e6;
  stream.run(20s);
  stream.link.path.bits_per_second = 25e6;
  stream.run(15s);
  EXPECT_GE(mb(stream.target()), 19.0);
}

// Neither a saw that cuts deep nor a queue that stays.
TEST(BandwidthEstimator, HoldsARateThatIsNotEnough) {
  Stream stream(20'000'000);
  stream.link.path = {.bits_per_second = 8e6, .jitter = 5ms};
  stream.run(10s);
  double least = 1e9;
  double most = 0;
  double sum = 0;
  int count = 0;
  Nanoseconds longest{0};
  stream.run(60s, [&](Nanoseconds) {
    least = std::min(least, stream.target());
    most = std::max(most, stream.target());
    sum += stream.target();
    ++count;
    longest = std::max(longest, stream.queue());
  });
  EXPECT_GE(mb(sum / count), 6.4);
  EXPECT_GE(mb(least), 4.0);
  EXPECT_LE(mb(most), 9.2);
  EXPECT_LT(longest, 120ms);
}

// Each look for more costs a queue.
TEST(BandwidthEstimator, LooksSeldomForMoreWhereItFoundTheSameBefore) {
  Stream stream(20'000'000);
  stream.link.path = {.bits_per_second = 8e6, .jitter = 5ms};
  stream.run(20s);
  int looks = 0;
  bool queued = false;
  stream.run(60s, [&](Nanoseconds) {
    if (!queued && stream.queue() > 25ms) ++looks;
    queued = stream.queue() > (queued ? 8ms : 25ms);
  });
  EXPECT_GE(looks, 3) << "more may have become free";
  EXPECT_LE(looks, 12);
}

TEST(BandwidthEstimator, LightRandomLossCostsNoRate) {
  Stream stream(10'000'000);
  stream.link.path = {.bits_per_second = 50e6, .loss = 0.05};
  stream.run(60s);
  EXPECT_EQ(mb(stream.estimate()), 10.0);
}

// A policer drops what is over the rate and queues nothing.
TEST(BandwidthEstimator, HeedsHeavyLossWithoutAQueue) {
  Stream stream(20'000'000);
  stream.link.path = {.bits_per_second = 5e6, .queue = 20ms};
  stream.run(10s);
  double sum = 0;
  int count = 0;
  stream.run(30s, [&](Nanoseconds) {
    sum += stream.target();
    ++count;
  });
  EXPECT_LE(mb(sum / count), 5.6);
  EXPECT_GE(mb(sum / count), 3.0);
}

// A longer way is no queue: after a while it counts as what is normal.
TEST(BandwidthEstimator, GetsUsedToALongerWay) {
  Stream stream(10'000'000);
  stream.link.path = {.bits_per_second = 50e6};
  stream.run(10s);
  stream.link.path.one_way += 80ms;
  stream.run(15s);
  EXPECT_GE(mb(stream.target()), 9.0);
}

// A still screen sends little: that nothing queues says nothing about more.
TEST(BandwidthEstimator, DoesNotGrowOnWhatIsNotSent) {
  Stream stream(20'000'000);
  stream.link.path = {.bits_per_second = 5e6};
  stream.run(20s);
  stream.used = 0.05;
  stream.run(60s);
  EXPECT_LE(mb(stream.estimate()), 6.5);
}

TEST(BandwidthEstimator, HeedsRembWhileItIsFresh) {
  BandwidthEstimator estimator({.highest_bps = 10'000'000});
  estimator.on_remb(kStart, 2'000'000);
  EXPECT_EQ(estimator.bits_per_second(kStart + 1s), 2'000'000U);
  estimator.on_remb(kStart + 1s, 10);
  EXPECT_EQ(estimator.bits_per_second(kStart + 2s), 300'000U) << "no lower than the lowest";
  EXPECT_FALSE(estimator.bits_per_second(kStart + 20s));
}

TEST(BandwidthEstimator, HeedsReceiverReportsWhereThereIsNothingBetter) {
  BandwidthEstimator estimator({.highest_bps = 10'000'000});
  estimator.on_loss(kStart, 0.0);
  EXPECT_EQ(estimator.bits_per_second(kStart), 10'000'000U);
  for (int i = 1; i <= 5; ++i) estimator.on_loss(kStart + i * 1s, 0.3);
  EXPECT_LT(mb(double(*estimator.bits_per_second(kStart + 5s))), 5.0);
  for (int i = 6; i <= 30; ++i) estimator.on_loss(kStart + i * 1s, 0.0);
  EXPECT_EQ(estimator.bits_per_second(kStart + 30s), 10'000'000U);
}

// A receiver says what it likes about its clock.
TEST(BandwidthEstimator, SurvivesNonsense) {
  BandwidthEstimator estimator({});
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const PacketReport report{.sent = kStart + i * 1ms,
                              .arrived = Nanoseconds(std::int64_t(random()) >> (random() % 60 + 2)),
                              .bytes = kPacket};
    estimator.on_packets(kStart + i * 1ms, {&report, 1});
    const auto estimate = estimator.bits_per_second(kStart + i * 1ms);
    ASSERT_GE(*estimate, 300'000U);
    ASSERT_LE(*estimate, 20'000'000U);
  }
}

}  // namespace
}  // namespace lumen::rtp::test
