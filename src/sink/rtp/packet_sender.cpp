#include "sink/rtp/packet_sender.h"

#include <algorithm>
#include <utility>

#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {
namespace {

constexpr std::size_t kUdpIpBytes = 28;  // of IPv4; IPv6 has 20 more

}  // namespace

PacketSender::PacketSender(UdpSocket socket, std::optional<Mirror> mirror,
                           const PacketSenderSettings& settings)
    : socket_(std::move(socket)),
      settings_(settings),
      header_bytes_(kRtpHeaderBytes + extension_bytes(settings.extensions)),
      mirror_(std::move(mirror)),
      sent_(settings.retransmission),
      rtx_sequence_(settings.first_rtx_sequence) {}

UdpSendOutcome PacketSender::send(Packetizer& packetizer, std::size_t first, std::size_t count,
                                  Timestamp pts) {
  const std::scoped_lock lock(mutex_);
  if (settings_.extensions.transport_sequence != 0) {
    for (std::size_t i = 0; i < count; ++i) {
      packetizer.number(first + i, static_cast<std::uint16_t>(transport_sequence_ + i));
    }
  }
  const auto packets = packetizer.packets().subspan(first, count);
  const UdpSendOutcome outcome = socket_.send(packets);
  if (mirror_) mirror_->send(packets.first(outcome.sent));
  const Timestamp at = now();
  for (const Bytes packet : packets.first(outcome.sent)) {
    sent_.sent(packet, pts);
    remember(packet.size(), at);
    counts_.bytes += packet.size();
    counts_.payload += packet.size() - header_bytes_;
  }
  counts_.packets += outcome.sent;
  return outcome;
}

std::optional<PacketSender::Loss> PacketSender::send_again(std::span<const std::uint16_t> sequences,
                                                           Timestamp now) {
  std::optional<Loss> loss;
  const std::scoped_lock lock(mutex_);
  for (const std::uint16_t sequence : sequences) {
    const SentPackets::Answer answer = sent_.asked_for(sequence, now);
    if (!answer.packet.empty()) repeat(answer.packet, now);
    if (!answer.beyond_repair) continue;
    const Timestamp pts = *answer.beyond_repair;
    loss = loss ? Loss{std::min(loss->first, pts), std::max(loss->last, pts)} : Loss{pts, pts};
  }
  return loss;
}

// What the network does not take now, the receiver asks for once more.
void PacketSender::repeat(Bytes packet, Timestamp now) {
  if (settings_.rtx) {
    make_retransmission(packet, settings_.rtx->payload_type, settings_.rtx->ssrc, rtx_sequence_,
                        again_);
  } else {
    again_.assign(packet.begin(), packet.end());
  }
  if (settings_.extensions.transport_sequence != 0) {
    set_transport_sequence(again_, transport_sequence_);
  }
  const Bytes datagram(again_);
  if (socket_.send({&datagram, 1}).sent == 0) return;
  if (mirror_) mirror_->send({&datagram, 1});
  SentCounts& counts = settings_.rtx ? rtx_counts_ : counts_;
  ++counts.packets;
  counts.bytes += again_.size();
  counts.payload += again_.size() - header_bytes_;
  remember(again_.size(), now);
  if (settings_.rtx) ++rtx_sequence_;
}

void PacketSender::remember(std::size_t bytes, Timestamp at) {
  if (settings_.extensions.transport_sequence == 0) return;
  transport_.sent(transport_sequence_++, at, bytes + kUdpIpBytes);
}

std::vector<PacketReport> PacketSender::reports(const TransportFeedback& feedback) {
  const std::scoped_lock lock(mutex_);
  return transport_.reports(feedback);
}

// A refusal (nobody reads there) hits the call after the one that caused it, hence the second try.
void PacketSender::send_rtcp(Bytes datagram) {
  const std::scoped_lock lock(mutex_);
  if (socket_.send({&datagram, 1}).stop == UdpSendOutcome::Stop::kRefused) {
    (void)socket_.send({&datagram, 1});
  }
}

SentCounts PacketSender::counts() const {
  const std::scoped_lock lock(mutex_);
  return counts_;
}

SentCounts PacketSender::rtx_counts() const {
  const std::scoped_lock lock(mutex_);
  return rtx_counts_;
}

}  // namespace lumen::rtp
