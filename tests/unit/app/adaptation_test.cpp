#include "app/adaptation/adaptation.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen {
namespace {

using namespace std::chrono_literals;

constexpr StreamShape kFull{.size = {1920, 1080}, .rate = {60, 1}, .bitrate_bps = 20'000'000};

/// A stream of pictures that each take `cost` of encoder time at full size.
class Stream {
 public:
  explicit Stream(AdaptationSettings settings = {.may_change_size = true}) : adaptation(settings) {
    adaptation.set_full(kFull);
  }

  Adaptation adaptation;
  Nanoseconds cost = 4ms;
  double queue = 0;
  StreamShape shape = kFull;
  std::size_t changes = 0;

  void run(Nanoseconds duration, const std::function<void()>& look = {}) {
    const Timestamp end = time_ + duration;
    while (time_ < end) {
      const StreamShape wanted = adaptation.decide(time_);
      changes += wanted == shape ? 0 : 1;
      shape = wanted;
      const double share = double(shape.size.width) * shape.size.height / (1920.0 * 1080);
      const Nanoseconds interval{std::int64_t(1e9 / shape.rate.value())};
      const double busy = double(cost.count()) * share / double(interval.count());
      time_ += std::max(interval, Nanoseconds{std::int64_t(double(cost.count()) * share)});
      adaptation.add(time_, {.encoder = busy, .queue = queue});
      if (look) look();
    }
  }

  [[nodiscard]] AdaptationCause cause() const { return adaptation.status().cause; }

 private:
  Timestamp time_{1h};
};

TEST(Adaptation, LeavesAStreamAloneThatKeepsUp) {
  Stream stream;
  stream.cost = 12ms;
  stream.run(120s, [&] { ASSERT_EQ(stream.shape, kFull); });
  EXPECT_EQ(stream.cause(), AdaptationCause::kNone);
}

TEST(Adaptation, ASlowSourceIsNoSlowEncoder) {
  EXPECT_DOUBLE_EQ(encoder_pressure(12ms, 4ms, 16ms), 0.75);
  EXPECT_DOUBLE_EQ(encoder_pressure(24ms, 0ms, 16ms), 1.5) << "and the next one waits already";
  EXPECT_DOUBLE_EQ(encoder_pressure(24ms, 8ms, 16ms), 1.5);
  EXPECT_DOUBLE_EQ(encoder_pressure(40ms, 160ms, 16ms), 0.2) << "five pictures a second";
}

TEST(Adaptation, OneSlowPictureIsNotAReason) {
  Stream stream;
  stream.run(5s);
  stream.cost = 200ms;
  stream.run(200ms);
  stream.cost = 4ms;
  stream.run(5s, [&] { ASSERT_EQ(stream.shape, kFull); });
}

TEST(Adaptation, NorIsOneWhereTheEncoderHasMuchToDo) {
  Stream stream;
  stream.cost = 11ms;
  stream.run(5s);
  for (int i = 0; i < 10; ++i) {
    stream.cost = 60ms;
    stream.run(60ms);
    stream.cost = 11ms;
    stream.run(2s, [&] { ASSERT_EQ(stream.shape, kFull); });
  }
}

TEST(Adaptation, ButSeveralAre) {
  Stream stream;
  stream.cost = 11ms;
  stream.run(5s);
  for (int i = 0; i < 4; ++i) {
    stream.cost = 60ms;
    stream.run(60ms);
    stream.cost = 11ms;
    stream.run(200ms);
  }
  EXPECT_LT(stream.shape.rate.value(), 60);
  EXPECT_EQ(stream.cause(), AdaptationCause::kEncoder);
}

TEST(Adaptation, AnEncodersFirstPicturesMayBeSlow) {
  Stream stream;
  for (int i = 0; i < 3; ++i) {
    stream.adaptation.set_full(kFull);  // another encoder
    stream.cost = 40ms;
    stream.run(800ms);
    stream.cost = 11ms;
    stream.run(4s, [&] { ASSERT_EQ(stream.shape, kFull); });
  }
  stream.adaptation.set_full(kFull);
  stream.cost = 24ms;  // it is no faster later on
  stream.run(3s);
  EXPECT_LT(stream.shape.rate.value(), 60);
}

TEST(Adaptation, LooksAsLongAsItIsTold) {
  Stream stream({.may_change_size = true, .window = 4s});
  stream.run(10s);
  stream.cost = 20ms;
  stream.run(2s);
  EXPECT_EQ(stream.shape, kFull);
  stream.run(3s);
  EXPECT_LT(stream.shape.rate.value(), 60);
  stream.adaptation.configure({.may_change_size = true, .window = 500ms});
  stream.cost = 40ms;
  const StreamShape before = stream.shape;
  stream.run(700ms);
  EXPECT_NE(stream.shape, before);
}

TEST(Adaptation, ASlowEncoderGetsFewerFramesFirst) {
  Stream stream;
  stream.cost = 24ms;
  stream.run(8s);
  EXPECT_EQ(stream.shape.size, kFull.size);
  EXPECT_EQ(stream.shape.bitrate_bps, kFull.bitrate_bps);
  EXPECT_DOUBLE_EQ(stream.shape.rate.value(), 30);
  EXPECT_EQ(stream.cause(), AdaptationCause::kEncoder);
}

TEST(Adaptation, ThenSmallerOnes) {
  Stream stream;
  stream.cost = 50ms;
  stream.run(10s);
  EXPECT_LT(stream.shape.size.width, kFull.size.width);
  EXPECT_EQ(stream.shape.bitrate_bps, kFull.bitrate_bps);
  EXPECT_DOUBLE_EQ(stream.shape.rate.value(), 30);
  EXPECT_EQ(stream.shape.size.width % 2 + stream.shape.size.height % 2, 0U);
}

TEST(Adaptation, ThenFewerBits) {
  Stream stream;
  stream.queue = 1;  // whatever is done
  stream.run(30s);
  EXPECT_LT(stream.shape.bitrate_bps, kFull.bitrate_bps / 3);
  EXPECT_EQ(stream.cause(), AdaptationCause::kQueue);
}

TEST(Adaptation, IsBackWhenThereIsRoomAgain) {
  Stream stream;
  stream.cost = 50ms;
  stream.run(10s);
  ASSERT_NE(stream.shape, kFull);
  stream.cost = 4ms;
  stream.run(30s);
  EXPECT_EQ(stream.shape, kFull);
  EXPECT_EQ(stream.cause(), AdaptationCause::kNone);
}

// An encoder that can just do 45 fps: hysteresis, and longer waits after each failed attempt.
TEST(Adaptation, DoesNotSwingBetweenTwoLevels) {
  for (const Nanoseconds cost :
       std::initializer_list<Nanoseconds>{15500us, 17ms, 19ms, 24ms, 31ms, 36ms, 60ms}) {
    Stream stream;
    stream.cost = cost;
    stream.run(20s);
    stream.changes = 0;
    stream.run(300s);
    EXPECT_LE(stream.changes, 2U) << cost / 1us;
  }
}

TEST(Adaptation, ANarrowNetworkTakesBitsFirst) {
  Stream stream;
  stream.adaptation.set_bandwidth(10'000'000);
  stream.run(5s);
  EXPECT_EQ(stream.shape.size, kFull.size);
  EXPECT_EQ(stream.shape.rate, kFull.rate);
  EXPECT_LT(stream.shape.bitrate_bps, 10'000'000U);
  EXPECT_GT(stream.shape.bitrate_bps, 8'000'000U);
  EXPECT_EQ(stream.cause(), AdaptationCause::kNetwork);
}

TEST(Adaptation, FollowsTheNetworkAtOnce) {
  Stream stream;
  stream.run(1s);
  stream.adaptation.set_bandwidth(3'000'000);
  stream.run(30ms);
  EXPECT_LT(stream.shape.bitrate_bps, 3'000'000U);
  stream.adaptation.set_bandwidth(40'000'000);
  stream.run(30ms);
  EXPECT_EQ(stream.shape, kFull);
}

TEST(Adaptation, AVeryNarrowNetworkTakesFramesThenPixels) {
  Stream stream;
  stream.adaptation.set_bandwidth(3'000'000);
  stream.run(10s);
  EXPECT_LT(stream.shape.rate.value(), 60);
  EXPECT_EQ(stream.shape.size, kFull.size);
  stream.adaptation.set_bandwidth(600'000);
  stream.run(15s);
  EXPECT_LT(stream.shape.size.width, kFull.size.width);
  stream.adaptation.set_bandwidth(0);
  stream.run(60s);
  EXPECT_EQ(stream.shape, kFull);
}

TEST(Adaptation, NeverBelowTheLowestBitRate) {
  Stream stream({.may_change_size = true, .lowest_bitrate_bps = 1'000'000});
  stream.adaptation.set_bandwidth(1);
  stream.run(5s);
  EXPECT_EQ(stream.shape.bitrate_bps, 1'000'000U);
}

TEST(Adaptation, KeepsTheSizeWhereAReceiverCanNotFollow) {
  Stream stream({.may_change_size = false});
  stream.cost = 100ms;
  stream.adaptation.set_bandwidth(400'000);
  stream.run(60s, [&] { ASSERT_EQ(stream.shape.size, kFull.size); });
  EXPECT_DOUBLE_EQ(stream.shape.rate.value(), 15);
}

TEST(Adaptation, ConstantQualityHasNoBitsToGive) {
  Stream stream;
  StreamShape full = kFull;
  full.bitrate_bps = 0;
  stream.adaptation.set_full(full);
  stream.adaptation.set_bandwidth(500'000);
  stream.run(10s);
  EXPECT_EQ(stream.shape, full);
}

TEST(Adaptation, OffMeansNever) {
  Stream stream({.enabled = false});
  stream.cost = 100ms;
  stream.adaptation.set_bandwidth(500'000);
  stream.run(30s, [&] { ASSERT_EQ(stream.shape, kFull); });
}

TEST(Adaptation, AViewersChoiceIsAnUpperBound) {
  Stream stream;
  ASSERT_TRUE(stream.adaptation.set_quality("low"));
  stream.run(100ms);
  EXPECT_EQ(stream.shape.size, (Extent{1440, 810}));
  EXPECT_EQ(stream.shape.bitrate_bps, 5'000'000U);
  EXPECT_EQ(stream.cause(), AdaptationCause::kViewer);
  stream.adaptation.set_bandwidth(2'000'000);
  stream.run(100ms);
  EXPECT_LT(stream.shape.bitrate_bps, 2'000'000U);
  EXPECT_EQ(stream.cause(), AdaptationCause::kNetwork);
  EXPECT_FALSE(stream.adaptation.set_quality("no-such"));
  EXPECT_EQ(stream.adaptation.status().quality, "low");
  stream.adaptation.set_bandwidth(0);
  ASSERT_TRUE(stream.adaptation.set_quality("auto"));
  stream.run(10s);
  EXPECT_EQ(stream.shape, kFull);
}

TEST(Adaptation, LeavesASizeAloneThatEncodersWouldRefuse) {
  const StreamShape small{.size = {160, 96}, .rate = {60, 1}, .bitrate_bps = 1'000'000};
  for (const ShapeStep& step : shape_steps()) EXPECT_EQ(reduced(small, step).size, small.size);
  EXPECT_EQ(reduced(kFull, {.size = 0.5}).size, (Extent{960, 540}));
}

TEST(Adaptation, TellsViewersWhatTheyMayChoose) {
  Stream stream;
  const auto status = stream.adaptation.status();
  ASSERT_EQ(status.qualities.size(), 4U);
  EXPECT_EQ(status.qualities[0].label, "Automatic: 1920x1080 at 60 fps, 20.0 Mb/s");
  EXPECT_EQ(status.qualities[2].label, "Low: 1440x810 at 30 fps, 5.0 Mb/s");
}

}  // namespace
}  // namespace lumen
