#include "core/frame_pacer.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr FrameRate k60{60, 1};
const Nanoseconds kInterval60 = frame_offset(k60, 1);
const Timestamp kStart{seconds(1000)};

struct Sent {
  Timestamp arrived;
  Timestamp left;
};

// What an encode thread does, on an artificial clock: a waiting frame is replaced by a newer one.
std::vector<Sent> run(FramePacer& pacer, const std::vector<Timestamp>& arrivals) {
  std::vector<Sent> sent;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const Timestamp leaves = pacer.due(arrivals[i]);
    if (i + 1 < arrivals.size() && arrivals[i + 1] < leaves) continue;  // replaced
    pacer.accept(leaves);
    sent.push_back({arrivals[i], leaves});
  }
  return sent;
}

std::vector<Timestamp> source(double hz, Nanoseconds length, Nanoseconds jitter = Nanoseconds{0},
                              unsigned seed = 1, Timestamp start = kStart) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::int64_t> offset(-jitter.count(), jitter.count());
  std::vector<Timestamp> arrivals;
  for (std::uint64_t n = 0;; ++n) {
    const Nanoseconds at{static_cast<std::int64_t>(static_cast<double>(n) * 1e9 / hz)};
    if (at >= length) return arrivals;
    arrivals.push_back(start + at + Nanoseconds{offset(random)});
  }
}

Nanoseconds longest_wait(const std::vector<Sent>& sent) {
  Nanoseconds longest{0};
  for (const Sent& frame : sent) longest = std::max(longest, frame.left - frame.arrived);
  return longest;
}

TEST(FramePacer, SourceAtTheCapLosesAndDelaysNothingUnderJitter) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const auto arrivals = source(60, seconds(100), kInterval60 * 49 / 100, seed);
    FramePacer pacer(k60);
    const auto sent = run(pacer, arrivals);
    EXPECT_EQ(sent.size(), arrivals.size()) << "seed " << seed;
    EXPECT_EQ(longest_wait(sent), Nanoseconds{0}) << "seed " << seed;
  }
}

TEST(FramePacer, SlowerSourcePassesUntouched) {
  for (const double hz : {59.94, 50.0, 30.0, 24.0, 7.0}) {
    const auto arrivals = source(hz, seconds(100), microseconds(500));
    FramePacer pacer(k60);
    const auto sent = run(pacer, arrivals);
    EXPECT_EQ(sent.size(), arrivals.size()) << hz;
    EXPECT_EQ(longest_wait(sent), Nanoseconds{0}) << hz;
  }
}

TEST(FramePacer, FasterSourceIsHeldToTheCapWithoutWaiting) {
  for (const double hz : {75.0, 90.0, 119.88, 120.0, 144.0, 165.0, 240.0, 1000.0}) {
    const auto arrivals =
        source(hz, seconds(100), Nanoseconds{static_cast<std::int64_t>(5e7 / hz)});
    FramePacer pacer(k60);
    const auto sent = run(pacer, arrivals);
    EXPECT_NEAR(static_cast<double>(sent.size()), 6000, 2) << hz;
    // Only the very last frame, which nothing replaces, may have waited.
    EXPECT_EQ(longest_wait({sent.begin(), sent.end() - 1}), Nanoseconds{0}) << hz;
  }
}

TEST(FramePacer, HalvingARateStaysRegularUnderJitter) {
  const Nanoseconds jitter = milliseconds(2);
  FramePacer pacer(k60);
  const auto sent = run(pacer, source(120, seconds(60), jitter));
  for (std::size_t i = 20; i + 1 < sent.size(); ++i) {
    const Nanoseconds gap = sent[i].left - sent[i - 1].left;
    ASSERT_LE(std::chrono::abs(gap - kInterval60), 2 * jitter + microseconds(1)) << "frame " << i;
  }
}

TEST(FramePacer, SlightlyFastClockLosesOneFrameNowAndThenAndDelaysNone) {
  FramePacer pacer(k60);
  const auto arrivals = source(60.06, seconds(1000));  // 60 frames too many
  const auto sent = run(pacer, arrivals);
  EXPECT_NEAR(static_cast<double>(sent.size()), 60'000, 2);
  EXPECT_EQ(longest_wait({sent.begin(), sent.end() - 1}), Nanoseconds{0});
}

TEST(FramePacer, LastFrameBeforeAPauseGoesOutSoon) {
  for (const double hz : {70.0, 120.0, 144.0, 1000.0}) {
    for (int length_ms = 200; length_ms < 260; ++length_ms) {
      const auto arrivals = source(hz, milliseconds(length_ms));
      FramePacer pacer(k60);
      const auto sent = run(pacer, arrivals);
      ASSERT_EQ(sent.back().arrived, arrivals.back()) << hz;
      ASSERT_LE(longest_wait(sent), 2 * kInterval60) << hz;
    }
  }
}

TEST(FramePacer, GridRestartsAfterAPauseWithoutABurst) {
  FramePacer pacer(k60);
  run(pacer, source(144, seconds(5)));
  const Timestamp again = kStart + seconds(65);
  const auto sent = run(pacer, source(144, seconds(10), Nanoseconds{0}, 1, again));
  EXPECT_EQ(sent.front().left, again) << "the first frame after a pause goes out at once";
  EXPECT_NEAR(static_cast<double>(sent.size()), 600, 2) << "the pause saves up no frames";
}

TEST(FramePacer, GridNeverSumsRoundedSteps) {
  const FrameRate rate{900,
                       1};  // 1111111.1 ns: summed steps would be half an interval off at the end
  constexpr std::uint64_t kFrames = 5'000'000;
  FramePacer pacer(rate);
  for (std::uint64_t k = 0; k < kFrames; ++k) pacer.accept(kStart + frame_offset(rate, k));
  EXPECT_EQ(pacer.next_slot(), kStart + frame_offset(rate, kFrames));
}

TEST(FramePacer, NtscCapIsExactOverAnHour) {
  FramePacer pacer(FrameRate{60'000, 1001});
  const auto sent = run(pacer, source(120, hours(1)));
  EXPECT_NEAR(static_cast<double>(sent.size()), 3600.0 * 60'000 / 1001, 2);
}

TEST(FramePacer, VariableRateIsNoLimit) {
  FramePacer pacer(FrameRate{0, 1});
  const auto arrivals = source(1000, seconds(1));
  const auto sent = run(pacer, arrivals);
  EXPECT_EQ(sent.size(), arrivals.size());
  EXPECT_EQ(longest_wait(sent), Nanoseconds{0});
}

}  // namespace
}  // namespace lumen
