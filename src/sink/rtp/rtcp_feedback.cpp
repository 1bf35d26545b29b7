#include "sink/rtp/rtcp_feedback.h"

#include <algorithm>
#include <variant>

namespace lumen::rtp {
namespace {

class Collector {
 public:
  Collector(Feedback& feedback, std::uint32_t ssrc, std::uint64_t ntp)
      : feedback_(feedback), ssrc_(ssrc), ntp_(ntp) {}

  void operator()(const ReceptionReport& report) {
    for (const ReportBlock& block : report.blocks) {
      if (block.ssrc != ssrc_) continue;
      feedback_.loss = std::max(feedback_.loss.value_or(0), block.lost / 256.0);
      if (const auto trip = round_trip(block, ntp_)) {
        feedback_.round_trip = std::max(feedback_.round_trip.value_or(Nanoseconds{0}), *trip);
      }
    }
  }
  void operator()(const Description&) {}
  void operator()(const Bye&) { feedback_.bye = true; }
  void operator()(const Nack& nack) {
    if (nack.ssrc != ssrc_) return;
    feedback_.lost.insert(feedback_.lost.end(), nack.sequences.begin(), nack.sequences.end());
  }
  void operator()(const PictureLoss& loss) { feedback_.key_frame |= loss.ssrc == ssrc_; }
  void operator()(const FullIntraRequest& request) { feedback_.key_frame |= request.ssrc == ssrc_; }
  void operator()(const MaximumBitrate& most) {
    if (!most.ssrcs.empty() && std::ranges::find(most.ssrcs, ssrc_) == most.ssrcs.end()) return;
    feedback_.most_bps =
        std::min(feedback_.most_bps.value_or(most.bits_per_second), most.bits_per_second);
  }
  void operator()(const ReferenceTime&) {}
  // It speaks of all packets between two addresses, whatever their SSRC.
  void operator()(const TransportFeedback& transport) { feedback_.transport.push_back(transport); }

 private:
  Feedback& feedback_;
  std::uint32_t ssrc_;
  std::uint64_t ntp_;
};

}  // namespace

std::optional<Nanoseconds> round_trip(const ReportBlock& block, std::uint64_t ntp) {
  constexpr std::int64_t kSecond = 65536;
  constexpr std::int64_t kMost = 60 * kSecond;
  if (block.last_report == 0) return std::nullopt;
  const auto middle = static_cast<std::uint32_t>(ntp >> 16);
  const std::int64_t trip = std::int64_t{middle - block.last_report} - std::int64_t{block.delay};
  // A clock's tick may be missing.
  if (trip < -1 || trip > kMost) return std::nullopt;
  return Nanoseconds{std::max<std::int64_t>(trip, 0) * 1'000'000'000 / kSecond};
}

Feedback collect_feedback(std::span<const RtcpItem> items, std::uint32_t ssrc, std::uint64_t ntp) {
  Feedback feedback;
  for (const RtcpItem& item : items) std::visit(Collector(feedback, ssrc, ntp), item);
  return feedback;
}

}  // namespace lumen::rtp
