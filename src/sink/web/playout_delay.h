// How long a viewer is to hold pictures back before it shows them: not at all, unless packets are
// lost on the way. Then as long as it takes to ask for one and get it, or what comes late is shown
// late, several pictures at once. Pure; one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>

#include "sink/rtp/bandwidth_estimator.h"
#include "sink/rtp/sliding_minimum.h"

namespace lumen::web {

class PlayoutDelay {
 public:
  void on_packets(Timestamp now, std::span<const rtp::PacketReport> packets);

  /// In tens of milliseconds, the unit of the playout-delay header extension.
  [[nodiscard]] unsigned tens_of_milliseconds() const { return tens_; }

 private:
  struct Outcome {
    Timestamp sent;
    bool lost;
  };
  std::deque<Outcome> outcomes_;  // of the last seconds
  std::size_t lost_ = 0;          // of them
  /// From sending to the report: the round trip, and until the receiver reported.
  rtp::SlidingMinimum round_trip_{std::chrono::seconds{5}};
  std::optional<Timestamp> lossless_since_;
  unsigned tens_ = 0;
};

}  // namespace lumen::web
