// What the way to one receiver carries, from what that receiver reports of the packets it got.
//
// Every packet's delay above the smallest of late is the queue that it stood in. While that stands
// still near zero, the estimate grows: slowly near the rate at which a queue last appeared, the
// slower the more often it appeared there, fast elsewhere, and only while the stream uses what it
// has. When a queue stands, what arrives is what the way carries; the estimate falls below that by
// as much as empties the queue soon, and comes back to nine tenths of it. A queue that doesn't
// shrink although little is sent is someone else's, or a longer way: its delay becomes the new
// normal. Loss counts where it is heavy, since radio links lose packets without being full, and
// packets can be sent again.
//
// Pure: reads no clock. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "core/time.h"
#include "sink/rtp/arrival_rate.h"
#include "sink/rtp/sliding_minimum.h"

namespace lumen::rtp {

/// What a transport-wide feedback says of one packet (draft-holmer-rmcat-transport-wide-cc-01).
struct PacketReport {
  Timestamp sent;
  /// By the receiver's clock, whose zero means nothing; none: it did not arrive.
  std::optional<Nanoseconds> arrived;
  std::size_t bytes = 0;  // on the wire, as far as known
};

struct BandwidthLimits {
  std::uint64_t lowest_bps = 300'000;
  std::uint64_t highest_bps = 20'000'000;  // what the stream would use if it could
};

class BandwidthEstimator {
 public:
  explicit BandwidthEstimator(const BandwidthLimits& limits);

  /// In the order of sending; once for each packet.
  void on_packets(Timestamp now, std::span<const PacketReport> packets);
  /// From a receiver report: the share of packets lost since the last one, 0 to 1, of what was sent
  /// meanwhile (none: about as much as estimated). Only for receivers that send no transport-wide
  /// feedback.
  void on_loss(Timestamp now, double share, std::optional<double> sent_bps = std::nullopt);
  /// Receiver Estimated Maximum Bitrate (draft-alvestrand-rmcat-remb-03). Holds for some seconds.
  void on_remb(Timestamp now, std::uint64_t bits_per_second);

  /// None before anything was reported.
  [[nodiscard]] std::optional<std::uint64_t> bits_per_second(Timestamp now) const;
  /// How long packets stand in a queue on the way; zero where none is known.
  [[nodiscard]] Nanoseconds queue() const { return queue_; }

 private:
  struct Outcome {
    Timestamp sent;
    bool lost;
  };

  void count(const PacketReport& packet);
  void congested(Timestamp now);
  [[nodiscard]] bool is_not_ours(Timestamp now);
  void recovered(Timestamp now);
  void grow(Timestamp now);
  void heed_loss(Timestamp now);
  [[nodiscard]] bool near_capacity() const;
  void set(double bits_per_second);

  const BandwidthLimits limits_;
  double estimate_;
  double growth_near_;  // per second, near the capacity
  bool reported_ = false;
  Timestamp updated_ = kNoTimestamp;

  SlidingMinimum shortest_;  // delay of the way itself, the clocks' difference included
  SlidingMinimum standing_;  // the least that any packet of the last moments waited
  ArrivalRate arrivals_;
  Timestamp newest_sent_ = kNoTimestamp;
  Nanoseconds queue_{0};

  std::optional<double> capacity_;  // what arrived when a queue stood last
  bool draining_ = false;
  std::optional<double> first_found_;      // what arrived when draining began
  Timestamp looked_at_ = kNoTimestamp;     // begins a look at whether the queue shrinks
  std::optional<Nanoseconds> queue_then_;  // of the first packets sent since
  Timestamp calm_since_ = kNoTimestamp;

  std::deque<Outcome> outcomes_;  // of the last second
  std::size_t lost_ = 0;          // of them

  std::optional<std::uint64_t> remb_;
  Timestamp remb_until_ = kNoTimestamp;
};

}  // namespace lumen::rtp
