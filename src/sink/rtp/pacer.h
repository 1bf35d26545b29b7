// When the packets of one frame leave: in bursts spread over at most a quarter of the frame
// interval, so that a key frame does not overrun a switch's or Wi-Fi driver's queue. Pure
// arithmetic; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/time.h"

namespace lumen::rtp {

struct PacingSettings {
  /// A frame up to this size leaves at once, and larger ones in bursts of about this size: eight
  /// packets of 1200 bytes, which common drivers queue without loss.
  std::size_t burst_bytes = 9600;
  /// Between two bursts where the frame has time: 9600 bytes in 500 µs are 154 Mb/s, a rate that
  /// even a slow link's queue empties at.
  Nanoseconds gap = std::chrono::microseconds{500};
  /// Below this a sleep costs more than it smooths; bursts grow instead.
  Nanoseconds min_gap = std::chrono::microseconds{200};
};

struct Burst {
  std::size_t first = 0;  // index of its first packet
  std::size_t count = 0;  // packets, at least one
  Nanoseconds at{0};      // after the frame's first packet
};

/// The most time that a frame's packets may take: a quarter of the frame interval (of 1/60 s where
/// the rate is variable).
Nanoseconds pacing_budget(FrameRate rate);

/// Replaces what is in `bursts` by the schedule for packets of these sizes (none zero), in order
/// and without gaps. The last burst begins before the budget is over.
void plan_bursts(std::span<const std::size_t> packet_bytes, Nanoseconds budget,
                 const PacingSettings& settings, std::vector<Burst>& bursts);

}  // namespace lumen::rtp
