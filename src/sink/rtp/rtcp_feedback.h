// What a datagram of RTCP means to the sender of one stream. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/time.h"
#include "sink/rtp/rtcp_parser.h"

namespace lumen::rtp {

struct Feedback {
  bool key_frame = false;           // PLI or FIR
  std::vector<std::uint16_t> lost;  // NACK: sequence numbers, as the receiver lists them
  std::optional<double> loss;       // share of packets since the last report, 0 to 1; the worst
  std::optional<Nanoseconds> round_trip;  // the longest
  std::optional<std::uint64_t> most_bps;  // REMB; the least
  std::vector<TransportFeedback> transport;
  bool bye = false;
};

/// What concerns the stream `ssrc`. `ntp` is the time of arrival by the clock of the sender
/// reports.
Feedback collect_feedback(std::span<const RtcpItem> items, std::uint32_t ssrc, std::uint64_t ntp);

/// From a sender report to the report that answers it, without the time that the receiver took (RFC
/// 3550 section 6.4.1). None where it has had no sender report yet, or says what can't be.
std::optional<Nanoseconds> round_trip(const ReportBlock& block, std::uint64_t ntp);

}  // namespace lumen::rtp
