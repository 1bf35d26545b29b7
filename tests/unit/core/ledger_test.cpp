#include "core/ledger.h"

#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Each stage at its own, recognizable distance from the one before.
FrameTimes sample(std::uint64_t id = 1) {
  FrameTimes times;
  times.id = id;
  Timestamp at{seconds(100)};
  times.mark(Stage::kProduced, at);
  times.mark(Stage::kDequeued, at += milliseconds(1));
  times.mark(Stage::kConvertBegin, at += milliseconds(2));
  times.mark(Stage::kConverted, at += milliseconds(4));
  times.mark(Stage::kSubmitted, at += milliseconds(8));
  times.mark(Stage::kEncoded, at += milliseconds(16));
  times.mark(Stage::kSendBegin, at += milliseconds(32));
  times.mark(Stage::kSent, at += milliseconds(64));
  return times;
}

TEST(FrameLedger, MeasuresEveryDistanceBetweenItsOwnStages) {
  FrameLedger ledger;
  ledger.add("file", sample());
  const StageSummary all = ledger.total().all;
  const std::pair<Distance, int> expected[] = {
      {Distance::kProducedToDequeued, 1},
      {Distance::kWait, 2},
      {Distance::kConvert, 4},
      {Distance::kDequeueToSubmit, 2 + 4 + 8},
      {Distance::kEncode, 16},
      {Distance::kQueue, 32},
      {Distance::kSend, 64},
      {Distance::kDequeueToFirstPacket, 2 + 4 + 8 + 16 + 32},
      {Distance::kTotal, 127},
  };
  for (const auto& [distance, ms] : expected) {
    EXPECT_EQ(all[distance].max, milliseconds(ms)) << to_string(distance);
    EXPECT_EQ(all[distance].count, 1U) << to_string(distance);
  }
  EXPECT_EQ(all.frames, 1U);
  EXPECT_EQ(all.clock_anomalies, 0U);
}

TEST(FrameLedger, DistancesHaveDifferentNames) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDistanceCount; ++i)
    names.insert(to_string(static_cast<Distance>(i)));
  EXPECT_EQ(names.size(), kDistanceCount);
}

TEST(FrameLedger, SkipsDistancesWithAnUnsetEnd) {
  FrameTimes times = sample();
  times.mark(Stage::kSubmitted, kNoTimestamp);
  FrameLedger ledger;
  ledger.add("file", times);
  const StageSummary all = ledger.total().all;
  EXPECT_EQ(all.frames, 1U);
  EXPECT_EQ(all[Distance::kEncode].count, 0U);
  EXPECT_EQ(all[Distance::kDequeueToSubmit].count, 0U);
  EXPECT_EQ(all[Distance::kConvert].count, 1U);
  EXPECT_EQ(all[Distance::kTotal].count, 1U);
}

TEST(FrameLedger, NegativeDistanceCountsAsZeroAndAsAnomaly) {
  FrameTimes times = sample();
  times.mark(Stage::kProduced, times[Stage::kDequeued] + milliseconds(5));  // pts in the future
  FrameLedger ledger;
  ledger.add("file", times);
  const StageSummary all = ledger.total().all;
  EXPECT_EQ(all.clock_anomalies, 1U);
  EXPECT_EQ(all[Distance::kProducedToDequeued].count, 1U);
  EXPECT_EQ(all[Distance::kProducedToDequeued].max, Nanoseconds{0});
}

TEST(FrameLedger, KeepsSinksApartAndTogether) {
  FrameLedger ledger;
  ledger.add("file", sample());
  FrameTimes slow = sample();
  slow.mark(Stage::kSent, slow[Stage::kSendBegin] + milliseconds(500));
  ledger.add("rtp", slow);
  const LedgerSummary total = ledger.total();
  ASSERT_EQ(total.sinks.size(), 2U);
  EXPECT_EQ(total.sinks.at("file")[Distance::kSend].max, milliseconds(64));
  EXPECT_EQ(total.sinks.at("rtp")[Distance::kSend].max, milliseconds(500));
  EXPECT_EQ(total.all.frames, 2U);
  EXPECT_EQ(total.all[Distance::kSend].max, milliseconds(500));
}

TEST(FrameLedger, IntervalsBeginAnewWhileTheTotalGrows) {
  FrameLedger ledger;
  ledger.add("file", sample(1));
  ledger.add("file", sample(2));
  EXPECT_EQ(ledger.take_interval().all.frames, 2U);
  ledger.add("file", sample(3));
  const LedgerSummary interval = ledger.take_interval();
  EXPECT_EQ(interval.all.frames, 1U);
  EXPECT_EQ(interval.sinks.at("file")[Distance::kEncode].count, 1U);
  const LedgerSummary quiet = ledger.take_interval();
  EXPECT_EQ(quiet.all.frames, 0U);
  EXPECT_EQ(quiet.all[Distance::kEncode].max, Nanoseconds{0});
  EXPECT_TRUE(quiet.sinks.contains("file")) << "a quiet sink is still listed";
  EXPECT_EQ(ledger.total().all.frames, 3U);
}

TEST(FrameLedger, TakesFramesFromSeveralThreads) {
  constexpr int kFrames = 2000;
  FrameLedger ledger;
  std::uint64_t seen = 0;
  {
    std::vector<std::jthread> sinks;
    for (const char* name : {"a", "b", "c"}) {
      sinks.emplace_back([&ledger, name] {
        for (int i = 0; i < kFrames; ++i) ledger.add(name, sample());
      });
    }
    for (int i = 0; i < 50; ++i) seen += ledger.take_interval().all.frames;
  }
  seen += ledger.take_interval().all.frames;
  EXPECT_EQ(seen, 3U * kFrames);
  EXPECT_EQ(ledger.total().sinks.at("b").frames, std::uint64_t{kFrames});
}

}  // namespace
}  // namespace lumen
