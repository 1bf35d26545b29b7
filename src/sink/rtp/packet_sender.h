// The way of a stream's packets to their receiver: numbers and sends them, remembers them, and
// sends again what the receiver asks for. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/time.h"
#include "platform/udp_socket.h"
#include "sink/rtp/mirror.h"
#include "sink/rtp/packetizer.h"
#include "sink/rtp/sent_packets.h"
#include "sink/rtp/transport_history.h"

namespace lumen::rtp {

/// Retransmissions as a stream of their own (RFC 4588).
struct RtxStream {
  std::uint8_t payload_type = 0;
  std::uint32_t ssrc = 0;

  friend bool operator==(const RtxStream&, const RtxStream&) = default;
};

struct PacketSenderSettings {
  HeaderExtensions extensions;   // those that the packetizer puts in
  std::optional<RtxStream> rtx;  // none: a packet goes again as it was, on its own SSRC
  std::uint16_t first_rtx_sequence = 0;
  RetransmissionSettings retransmission;
};

/// Since the start, what was sent again included.
struct SentCounts {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;    // RTP headers included
  std::uint64_t payload = 0;  // bytes without headers and extensions
};

class PacketSender {
 public:
  /// `mirror`, where there is one, gets what is sent.
  PacketSender(UdpSocket socket, std::optional<Mirror> mirror,
               const PacketSenderSettings& settings);

  /// Sends packets of those that `packetizer` made last, from index `first` on, in order.
  /// UdpSendOutcome::sent of them went out.
  UdpSendOutcome send(Packetizer& packetizer, std::size_t first, std::size_t count, Timestamp pts);

  struct Loss {
    Timestamp first;
    Timestamp last;
  };
  /// Sends again what of these sequence numbers can be; the pictures that can't be repaired so.
  std::optional<Loss> send_again(std::span<const std::uint16_t> sequences, Timestamp now);

  /// What a receiver says of the packets between it and us; needs transport_sequence.
  std::vector<PacketReport> reports(const TransportFeedback& feedback);

  /// A datagram of RTCP on the same socket; it may be lost.
  void send_rtcp(Bytes datagram);

  /// Of the stream, and of its retransmissions where they are a stream of their own.
  [[nodiscard]] SentCounts counts() const;
  [[nodiscard]] SentCounts rtx_counts() const;

  /// For waiting and receiving.
  [[nodiscard]] UdpSocket& socket() { return socket_; }

 private:
  void repeat(Bytes packet, Timestamp now);
  void remember(std::size_t bytes, Timestamp at);  // the next transport-wide number is taken

  UdpSocket socket_;
  const PacketSenderSettings settings_;
  const std::size_t header_bytes_;

  mutable std::mutex mutex_;
  std::optional<Mirror> mirror_;
  SentPackets sent_;
  TransportHistory transport_;
  SentCounts counts_;
  SentCounts rtx_counts_;
  std::uint16_t rtx_sequence_;
  std::uint16_t transport_sequence_ = 0;
  std::vector<std::uint8_t> again_;
};

}  // namespace lumen::rtp
