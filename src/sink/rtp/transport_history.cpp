#include "sink/rtp/transport_history.h"

namespace lumen::rtp {
namespace {

// A second at 80 Mb/s; receivers report some ten times a second. Divides the numbers there are.
constexpr std::size_t kPackets = 8192;
constexpr Nanoseconds kReferenceUnit = std::chrono::milliseconds{64};

}  // namespace

TransportHistory::TransportHistory() : packets_(kPackets) {}

void TransportHistory::sent(std::uint16_t number, Timestamp at, std::size_t bytes) {
  packets_[number % kPackets] = {at, static_cast<std::uint32_t>(bytes), number};
}

std::vector<PacketReport> TransportHistory::reports(const TransportFeedback& feedback) {
  const Nanoseconds reference = reference_of(feedback);
  std::vector<PacketReport> reports;
  std::uint16_t number = feedback.first;
  for (const auto& arrival : feedback.arrivals) {
    Packet& packet = packets_[number % kPackets];
    const bool kept = packet.at != kNoTimestamp && packet.number == number;
    // Feedback that was overtaken on the way says nothing new.
    if (kept && packet.at >= newest_) {
      PacketReport report{.sent = packet.at, .bytes = packet.bytes};
      if (arrival) report.arrived = reference + *arrival;
      reports.push_back(report);
      newest_ = packet.at;
      packet.at = kNoTimestamp;
    }
    ++number;
  }
  return reports;
}

Nanoseconds TransportHistory::reference_of(const TransportFeedback& feedback) {
  constexpr std::int64_t kModulus = 1 << 24;
  if (!reference_) {
    reference_ = feedback.reference;
  } else {
    std::int64_t step = (feedback.reference - *reference_) % kModulus;
    if (step < 0) step += kModulus;
    if (step >= kModulus / 2) step -= kModulus;
    *reference_ += step;
  }
  return *reference_ * kReferenceUnit;
}

}  // namespace lumen::rtp
