// Whatever arrives where RTCP is expected, up to the estimate that is made of it.
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "sink/rtp/bandwidth_estimator.h"
#include "sink/rtp/rtcp_feedback.h"
#include "sink/rtp/rtcp_parser.h"
#include "sink/rtp/transport_history.h"

using namespace lumen;

namespace {

std::size_t listed(const rtp::RtcpItem& item) {
  if (const auto* nack = std::get_if<rtp::Nack>(&item)) return nack->sequences.size();
  if (const auto* wide = std::get_if<rtp::TransportFeedback>(&item)) return wide->arrivals.size();
  return 0;
}

/// The stream that feedback with one fixed-size header would name.
std::uint32_t stream_of(rtp::Bytes datagram) {
  if (datagram.size() < 12) return 0;
  return std::uint32_t{datagram[8]} << 24 | std::uint32_t{datagram[9]} << 16 |
         std::uint32_t{datagram[10]} << 8 | datagram[11];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const rtp::Bytes datagram(data, size);
  const auto items = rtp::parse_rtcp(datagram);
  if (!items) return 0;
  std::size_t total = 0;
  for (const auto& item : *items) total += listed(item);
  if (total > rtp::kMaxListedPackets) std::abort();

  const auto feedback = rtp::collect_feedback(*items, stream_of(datagram), 0x1234567812345678);
  if (feedback.loss && (*feedback.loss < 0 || *feedback.loss >= 1)) std::abort();
  if (feedback.round_trip && *feedback.round_trip < Nanoseconds{0}) std::abort();

  if (feedback.transport.empty() && !feedback.loss && !feedback.most_bps) return 0;
  const Timestamp start{std::chrono::hours{1}};
  rtp::TransportHistory history;
  for (std::uint16_t i = 0; i < 512; ++i) {
    history.sent(static_cast<std::uint16_t>(65400 + i), start + i * Nanoseconds{1'000'000}, 1200);
  }
  rtp::BandwidthEstimator estimator({});
  Timestamp now = start + std::chrono::seconds{1};
  for (const auto& transport : feedback.transport) {
    estimator.on_packets(now, history.reports(transport));
    now += std::chrono::milliseconds{100};
  }
  if (feedback.loss) estimator.on_loss(now, *feedback.loss);
  if (feedback.most_bps) estimator.on_remb(now, *feedback.most_bps);
  const auto estimate = estimator.bits_per_second(now);
  if (estimate && (*estimate < rtp::BandwidthLimits{}.lowest_bps ||
                   *estimate > rtp::BandwidthLimits{}.highest_bps)) {
    std::abort();
  }
  return 0;
}
