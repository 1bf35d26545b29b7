// What was sent to one receiver, for when it asks again (NACK, RFC 4585), and how much of that it
// gets: sending again must not make a full link fuller. Pure; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/time.h"

namespace lumen::rtp {

struct RetransmissionSettings {
  std::size_t packets = 1024;  // kept: half a second at 20 Mb/s; a power of two, at most 32768
  /// Sent again at most: this share of what is sent for the first time, and a burst.
  double share = 0.25;
  std::size_t burst_bytes = 64 * 1024;
  /// A packet asked for again this soon is still under way.
  Nanoseconds patience = std::chrono::milliseconds{15};
};

class RetransmissionHistory {
 public:
  explicit RetransmissionHistory(const RetransmissionSettings& settings = {});

  /// A packet went out for the first time. Its RTP sequence number is read from it.
  void sent(std::span<const std::uint8_t> packet);

  /// Whether the packet is kept still.
  [[nodiscard]] bool holds(std::uint16_t sequence) const;

  /// The packet, if it is to be sent again now; empty where it is too old, was never sent, went
  /// again a moment ago, or the budget is spent. Valid until the next sent().
  std::span<const std::uint8_t> take(std::uint16_t sequence, Timestamp now);

 private:
  struct Entry {
    std::vector<std::uint8_t> packet;
    Timestamp again = kNoTimestamp;  // when it was last sent again
  };

  RetransmissionSettings settings_;
  std::vector<Entry> entries_;
  double budget_bytes_;
};

}  // namespace lumen::rtp
