// When packets were sent, by their transport-wide number, until the receiver's feedback says what
// became of them. Pure; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.h"
#include "sink/rtp/bandwidth_estimator.h"
#include "sink/rtp/rtcp_parser.h"

namespace lumen::rtp {

class TransportHistory {
 public:
  TransportHistory();

  /// Numbers count up by one, modulo 2^16.
  void sent(std::uint16_t number, Timestamp at, std::size_t bytes);

  /// What the feedback says of packets that are kept still and that no earlier one has spoken of,
  /// in the order of sending. Arrivals count from the same instant in all feedbacks.
  std::vector<PacketReport> reports(const TransportFeedback& feedback);

 private:
  struct Packet {
    Timestamp at = kNoTimestamp;  // none: not sent, or spoken of
    std::uint32_t bytes = 0;
    std::uint16_t number = 0;
  };

  Nanoseconds reference_of(const TransportFeedback& feedback);

  std::vector<Packet> packets_;            // by the lower bits of their number
  Timestamp newest_ = kNoTimestamp;        // sent, of those spoken of
  std::optional<std::int64_t> reference_;  // of the last feedback, without wraps
};

}  // namespace lumen::rtp
