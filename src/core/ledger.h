// The frame ledger: what the times that frames carry add up to. Each sink enters every frame it has
// finished; the ledger keeps percentiles of the way between stages, since start and since the last
// take_interval().
//
// With several sinks the stages before the queue enter once per sink, so that `all` weighs each
// delivered copy alike. Memory is fixed per sink name. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "core/frame_times.h"
#include "core/latency_histogram.h"

namespace lumen {

/// A way between two stages whose duration is worth knowing.
enum class Distance : std::uint8_t {
  kProducedToDequeued,
  kWait,             // dequeued → conversion begins
  kConvert,          // conversion begins → converted
  kDequeueToSubmit,  // the latency that lumen adds before the encoder
  kEncode,           // submitted → encoded
  kQueue,            // encoded → first packet or write
  kSend,             // first → last packet or write
  kDequeueToFirstPacket,
  kTotal,  // produced → sent
};
inline constexpr std::size_t kDistanceCount = 9;

struct DistanceEnds {
  Stage from;
  Stage to;
};
DistanceEnds ends(Distance distance);

/// Stable key for JSON and documentation: "convert", "dequeue_to_submit", …
std::string_view to_string(Distance distance);

struct StageSummary {
  std::uint64_t frames = 0;
  /// Distances that came out negative (counted as 0): the producer's clock runs ahead of ours.
  std::uint64_t clock_anomalies = 0;
  std::array<LatencySummary, kDistanceCount> distances{};

  [[nodiscard]] const LatencySummary& operator[](Distance distance) const {
    return distances[static_cast<std::size_t>(distance)];
  }
};

struct LedgerSummary {
  StageSummary all;
  std::map<std::string, StageSummary, std::less<>> sinks;
};

class FrameLedger {
 public:
  /// Enters one frame that `sink` has finished. Distances with an unset end are skipped.
  void add(std::string_view sink, const FrameTimes& times);

  [[nodiscard]] LedgerSummary total() const;
  /// What was added since the last call; begins a new interval.
  LedgerSummary take_interval();

 private:
  struct Page {
    std::uint64_t frames = 0;
    std::uint64_t clock_anomalies = 0;
    std::array<LatencyHistogram, kDistanceCount> histograms;

    void add(const FrameTimes& times);
    void clear();
    [[nodiscard]] StageSummary summary() const;
  };
  struct Book {
    Page all;
    std::map<std::string, Page, std::less<>> sinks;

    void add(std::string_view sink, const FrameTimes& times);
    [[nodiscard]] LedgerSummary summary() const;
  };

  mutable std::mutex mutex_;
  Book total_;
  Book interval_;
};

}  // namespace lumen
