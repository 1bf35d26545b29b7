// When the packets of one frame leave: in bursts spread over at most a quarter of the frame
// interval, so that they do not overrun a switch's or Wi-Fi driver's queue; those of a key frame
// over as much as the way to the receiver demands. Pure arithmetic; no thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
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

/// What a key frame of so many bytes takes on a way that is thought to carry `bandwidth_bps` (0:
/// not known), were it the only thing that is sent, at 2.5 times the estimate: an estimate follows
/// what the stream needs and lies below what the way carries (libwebrtc paces by the same factor).
/// At most a quarter of a second, which is as long as a picture may be missed.
Nanoseconds key_frame_time(std::size_t bytes, std::uint64_t bandwidth_bps);

/// Replaces what is in `bursts` by the schedule for packets of these sizes (none zero), in order
/// and without gaps. The last burst begins before the budget is over.
void plan_bursts(std::span<const std::size_t> packet_bytes, Nanoseconds budget,
                 const PacingSettings& settings, std::vector<Burst>& bursts);

/// The schedules of a stream's access units, whole or in parts. One thread.
class Pacer {
 public:
  enum class Picture : std::uint8_t { kPredicted, kKey };

  explicit Pacer(const PacingSettings& settings = {}) : settings_(settings) {}

  /// An access unit begins.
  void begin(FrameRate rate, Picture picture);
  /// For packets of these sizes, those of the whole access unit or of its next part. What one part
  /// spends of the time, the next ones lack. Valid until the next call.
  std::span<const Burst> plan(std::span<const std::size_t> packet_bytes,
                              std::uint64_t bandwidth_bps);

 private:
  PacingSettings settings_;
  Picture picture_ = Picture::kPredicted;
  Nanoseconds left_{0};
  std::vector<Burst> bursts_;
};

}  // namespace lumen::rtp
