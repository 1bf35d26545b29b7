// Sound of a clock that runs wrong, brought onto ours.
#include "encode/audio/clock_matcher.h"

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

constexpr double kTone = 1000;  // Hz, on our clock
constexpr Timestamp kStart{std::chrono::hours{100}};

/// A sound card whose clock is off, playing a tone that is right on our clock.
struct Card {
  double skew_ppm = 0;
  std::size_t block = 512;
  Nanoseconds jitter{0};  // of the timestamps, either way
  std::uint64_t sample = 0;
  std::mt19937 random{1};

  [[nodiscard]] double seconds(std::uint64_t n) const {
    return static_cast<double>(n) / (48'000 * (1 + skew_ppm / 1e6));
  }
  [[nodiscard]] Timestamp time(std::uint64_t n) const {
    return kStart + Nanoseconds{std::llround(seconds(n) * 1e9)};
  }
  void push(ClockMatcher& matcher, const ClockMatcher::OnFrame& on_frame) {
    std::vector<float> samples(block * 2);
    for (std::size_t i = 0; i < block; ++i) {
      const double angle = 2 * std::numbers::pi * kTone * seconds(sample + i);
      samples[2 * i] = static_cast<float>(0.5 * std::sin(angle));
      samples[2 * i + 1] = -samples[2 * i];
    }
    std::uniform_int_distribution<std::int64_t> noise(-jitter.count(), jitter.count());
    matcher.push(samples, time(sample) + Nanoseconds{noise(random)}, on_frame);
    sample += block;
  }
};

/// How far the tone in a frame is from where the frame's time says it should be.
double lag_seconds(const ClockMatcher::Frame& frame) {
  double sine = 0;
  double cosine = 0;
  const double begin = std::chrono::duration<double>(frame.time - kStart).count();
  for (std::size_t i = 0; i < frame.samples.size() / 2; ++i) {
    const double angle = 2 * std::numbers::pi * kTone * (begin + static_cast<double>(i) / 48'000);
    sine += frame.samples[2 * i] * std::sin(angle);
    cosine += frame.samples[2 * i] * std::cos(angle);
  }
  return -std::atan2(cosine, sine) / (2 * std::numbers::pi * kTone);
}

/// The largest difference between a sample and what the tone's own equation makes of the two before
/// it: zero for a pure sine, large where there is a step.
double roughness(const std::vector<float>& left) {
  const double factor = 2 * std::cos(2 * std::numbers::pi * kTone / 48'000);
  double worst = 0;
  for (std::size_t i = 2; i < left.size(); ++i) {
    worst = std::max(worst, std::abs(left[i] - factor * left[i - 1] + left[i - 2]));
  }
  return worst;
}

TEST(ClockFollower, AnHourOfAClockThatIsOffBy50PpmStaysOnTime) {
  for (const double skew : {50.0, -50.0}) {
    Card card{.skew_ppm = skew};
    std::uniform_int_distribution<int> noise(-200'000, 200'000);
    ClockFollower follower(48'000);
    double worst = 0;
    double length = 0;
    while (card.seconds(card.sample) < 3600) {
      const double begin = card.seconds(card.sample) * 1e9;
      EXPECT_EQ(follower.follow(begin + noise(card.random), card.block), card.sample == 0);
      worst = std::max(worst, std::abs(follower.begin() - begin));
      length += follower.end() - follower.begin();
      card.sample += card.block;
    }
    EXPECT_LT(worst, 250e3) << "a quarter of the bar, which is 1 ms";
    EXPECT_NEAR(length, 3600e9, 20e6) << "without a hole";
    EXPECT_NEAR(follower.drift_ppm(), skew, 2);
  }
}

TEST(ClockMatcher, SoundOfAClockThatIsOffStaysOnTime) {
  for (const double skew : {500.0, -500.0}) {
    Card card{.skew_ppm = skew, .jitter = std::chrono::microseconds{200}};
    ClockMatcher matcher;
    double worst = 0;
    std::int64_t frames = 0;
    Timestamp first = kNoTimestamp;
    while (card.seconds(card.sample) < 120) {
      card.push(matcher, [&](const ClockMatcher::Frame& frame) {
        if (first == kNoTimestamp) first = frame.time;
        ASSERT_EQ(frame.time, first + frames * std::chrono::milliseconds{10}) << "no seam";
        // The loop has learnt the rate after a few seconds.
        if (frames > 2) worst = std::max(worst, std::abs(lag_seconds(frame)));
        ++frames;
      });
    }
    EXPECT_NEAR(static_cast<double>(frames), 12'000, 3) << "two minutes, on our clock";
    EXPECT_LT(worst, 450e-6) << "uncorrected it would be 60 ms";
    EXPECT_NEAR(matcher.drift_ppm(), skew, 5);
    EXPECT_EQ(matcher.gaps(), 0U);
  }
}

TEST(ClockMatcher, LeavesTheSoundSmooth) {
  Card card{.skew_ppm = 100};
  ClockMatcher matcher;
  std::vector<float> left;
  for (int i = 0; i < 2000; ++i) {
    card.push(matcher, [&](const ClockMatcher::Frame& frame) {
      for (std::size_t s = 0; s < frame.samples.size(); s += 2) {
        left.push_back(frame.samples[s]);
        ASSERT_NEAR(frame.samples[s], -frame.samples[s + 1], 1e-6) << "left and right";
      }
    });
  }
  left.erase(left.begin(), left.begin() + 480);
  // A sample left out or doubled would be 0.06.
  EXPECT_LT(roughness(left), 0.0005);
}

TEST(ClockMatcher, PassesSoundOfOurOwnClockThroughUnchanged) {
  Card card;
  ClockMatcher matcher;
  double worst = 0;
  int frames = 0;
  for (int i = 0; i < 50; ++i) {
    card.push(matcher, [&](const ClockMatcher::Frame& frame) {
      for (std::size_t s = 0; frames > 0 && s < kOpusFrame; ++s) {
        const double time = std::chrono::duration<double>(frame.time - kStart).count() +
                            static_cast<double>(s) / 48'000;
        const double right = 0.5 * std::sin(2 * std::numbers::pi * kTone * time);
        worst = std::max(worst, std::abs(frame.samples[2 * s] - right));
      }
      ++frames;
    });
  }
  EXPECT_LT(worst, 1e-4);
}

TEST(ClockMatcher, SoundAfterAPauseHasTheRightTime) {
  Card card;
  ClockMatcher matcher;
  std::vector<Timestamp> times;
  double lag_after = 1;
  const auto note = [&](const ClockMatcher::Frame& frame) {
    times.push_back(frame.time);
    if (card.sample > 480'000 + 5 * card.block) lag_after = lag_seconds(frame);
  };
  for (int i = 0; i < 10; ++i) card.push(matcher, note);
  const Timestamp paused = card.time(card.sample);
  card.sample += 480'000;  // ten seconds of which nothing is heard
  const std::size_t before = times.size();
  for (int i = 0; i < 10; ++i) card.push(matcher, note);
  ASSERT_GT(times.size(), before + 2);
  EXPECT_EQ(matcher.gaps(), 1U);
  // The frame at hand was filled up; the first new one begins where the sound does.
  EXPECT_LT(times[before], paused);
  EXPECT_NEAR(static_cast<double>((times[before + 1] - paused).count()), 10e9, 30'000);
  EXPECT_LT(std::abs(lag_after), 50e-6);
  for (std::size_t i = 1; i < times.size(); ++i) {
    EXPECT_GE(times[i] - times[i - 1], std::chrono::milliseconds{10}) << "overlap at " << i;
  }
}

TEST(ClockMatcher, OneLateTimestampIsNotBelieved) {
  Card card;
  ClockMatcher matcher;
  double worst = 0;
  const auto note = [&](const ClockMatcher::Frame& frame) {
    if (card.sample > 4096) worst = std::max(worst, std::abs(lag_seconds(frame)));
  };
  for (int i = 0; i < 400; ++i) {
    card.jitter = i % 100 == 99 ? std::chrono::milliseconds{90} : Nanoseconds{0};
    card.push(matcher, note);
  }
  EXPECT_EQ(matcher.gaps(), 0U);
  EXPECT_LT(worst, 1e-3);
}

TEST(ClockMatcher, SoundForATimeThatIsOverIsLeftOut) {
  Card card;
  ClockMatcher matcher;
  std::vector<Timestamp> times;
  const auto note = [&](const ClockMatcher::Frame& frame) { times.push_back(frame.time); };
  for (int i = 0; i < 100; ++i) card.push(matcher, note);
  card.sample -= 24'000;  // half a second comes once more
  for (int i = 0; i < 100; ++i) card.push(matcher, note);
  for (std::size_t i = 1; i < times.size(); ++i) {
    ASSERT_GE(times[i] - times[i - 1], std::chrono::milliseconds{10});
  }
  EXPECT_NEAR(std::chrono::duration<double>(times.back() - kStart).count(),
              card.seconds(card.sample), 0.02);
}

}  // namespace
}  // namespace lumen
