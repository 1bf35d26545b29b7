#include "core/ledger.h"

namespace lumen {

DistanceEnds ends(Distance distance) {
  switch (distance) {
    case Distance::kProducedToDequeued: return {Stage::kProduced, Stage::kDequeued};
    case Distance::kWait: return {Stage::kDequeued, Stage::kConvertBegin};
    case Distance::kConvert: return {Stage::kConvertBegin, Stage::kConverted};
    case Distance::kDequeueToSubmit: return {Stage::kDequeued, Stage::kSubmitted};
    case Distance::kEncode: return {Stage::kSubmitted, Stage::kEncoded};
    case Distance::kQueue: return {Stage::kEncoded, Stage::kSendBegin};
    case Distance::kSend: return {Stage::kSendBegin, Stage::kSent};
    case Distance::kDequeueToFirstPacket: return {Stage::kDequeued, Stage::kSendBegin};
    case Distance::kTotal: break;
  }
  return {Stage::kProduced, Stage::kSent};
}

std::string_view to_string(Distance distance) {
  switch (distance) {
    case Distance::kProducedToDequeued: return "produced_to_dequeued";
    case Distance::kWait: return "wait";
    case Distance::kConvert: return "convert";
    case Distance::kDequeueToSubmit: return "dequeue_to_submit";
    case Distance::kEncode: return "encode";
    case Distance::kQueue: return "queue";
    case Distance::kSend: return "send";
    case Distance::kDequeueToFirstPacket: return "dequeue_to_first_packet";
    case Distance::kTotal: break;
  }
  return "total";
}

void FrameLedger::Page::add(const FrameTimes& times) {
  ++frames;
  for (std::size_t i = 0; i < kDistanceCount; ++i) {
    const auto [from, to] = ends(static_cast<Distance>(i));
    if (!times.has(from) || !times.has(to)) continue;
    const Nanoseconds duration = times[to] - times[from];
    if (duration < Nanoseconds{0}) ++clock_anomalies;
    histograms[i].add(duration);  // takes a negative duration as 0
  }
}

void FrameLedger::Page::clear() {
  frames = 0;
  clock_anomalies = 0;
  for (LatencyHistogram& histogram : histograms) histogram.clear();
}

StageSummary FrameLedger::Page::summary() const {
  StageSummary result{.frames = frames, .clock_anomalies = clock_anomalies, .distances = {}};
  for (std::size_t i = 0; i < kDistanceCount; ++i) result.distances[i] = histograms[i].summary();
  return result;
}

void FrameLedger::Book::add(std::string_view sink, const FrameTimes& times) {
  all.add(times);
  auto page = sinks.find(sink);
  if (page == sinks.end()) page = sinks.try_emplace(std::string(sink)).first;
  page->second.add(times);
}

LedgerSummary FrameLedger::Book::summary() const {
  LedgerSummary result{.all = all.summary(), .sinks = {}};
  for (const auto& [name, page] : sinks) result.sinks.emplace(name, page.summary());
  return result;
}

void FrameLedger::add(std::string_view sink, const FrameTimes& times) {
  const std::scoped_lock lock(mutex_);
  total_.add(sink, times);
  interval_.add(sink, times);
}

LedgerSummary FrameLedger::total() const {
  const std::scoped_lock lock(mutex_);
  return total_.summary();
}

LedgerSummary FrameLedger::take_interval() {
  const std::scoped_lock lock(mutex_);
  LedgerSummary result = interval_.summary();
  interval_.all.clear();
  for (auto& [name, page] : interval_.sinks) page.clear();
  return result;
}

}  // namespace lumen
