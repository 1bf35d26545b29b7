// Sends one video stream as plain RTP over UDP, with an SDP file for players; RTCP goes both ways.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "platform/udp_socket.h"
#include "sink/rtp/audio_rtp_stream.h"
#include "sink/rtp/bandwidth_estimator.h"
#include "sink/rtp/datagram_reader.h"
#include "sink/rtp/mirror.h"
#include "sink/rtp/pacer.h"
#include "sink/rtp/packet_sender.h"
#include "sink/rtp/packetizer.h"
#include "sink/rtp/rtcp.h"
#include "sink/rtp/rtcp_feedback.h"
#include "sink/rtp/rtp_clock.h"
#include "sink/sink.h"

namespace lumen {

inline constexpr std::uint16_t kMinRtpMtu = 256;
inline constexpr std::uint16_t kMaxRtpMtu = 9000;

struct RtpSettings {
  std::string host{};                        // name or address; IPv6 without brackets
  std::uint16_t port = 0;                    // RTP, 1 to 65534
  bool rtcp_mux = false;                     // RTP and RTCP share a port (RFC 5761)
  std::optional<std::uint16_t> rtcp_port{};  // absent: the one behind `port`; not with rtcp_mux
  std::uint8_t payload_type = 96;       // 0 to 127; RFC 3551 leaves 96 to 127 to formats like ours
  std::optional<std::uint32_t> ssrc{};  // absent: random
  /// Largest UDP payload in bytes: RTP header (12) and RTP payload. UDP and IP headers come on top,
  /// 28 bytes for IPv4, 48 for IPv6: 1200 passes wherever IPv6 does (minimum MTU 1280). kMinRtpMtu
  /// to kMaxRtpMtu.
  std::uint16_t mtu = 1200;
  rtp::HeaderExtensions extensions{};
  /// Retransmissions as a stream of their own (RFC 4588). Absent: packets go again as they were.
  std::optional<std::uint8_t> rtx_payload_type{};
  std::optional<std::uint32_t> rtx_ssrc{};  // absent: random
  std::string sdp_path{};                   // empty: none is written
  /// The SDP asks players to report losses (RTP/AVPF, RFC 4585). Some know RTP/AVP only.
  bool sdp_feedback = true;
  std::optional<rtp::MirrorTarget> mirror{};  // absent: none
  rtp::AudioRtpSettings audio{};              // its port is none of the video's two

  friend bool operator==(const RtpSettings&, const RtpSettings&) = default;
};

/// The SDP file stays after close(): it says how to receive, not that something is sent. A new
/// stream object in mid-stream rewrites it.
///
/// A receiver that is not there (yet) is no error. No route for five seconds is.
///
/// Only the address that is sent to is listened to: a multicast group's members can't report.
class RtpSink final : public Sink {
 public:
  /// Resolves the host, opens the sockets and proves that the SDP file can be written.
  static Result<std::unique_ptr<RtpSink>> create(RtpSettings settings);

  RtpSink(const RtpSink&) = delete;
  RtpSink& operator=(const RtpSink&) = delete;
  ~RtpSink() override;

  void connect(SinkRequests requests) override { requests_ = std::move(requests); }
  void expect_audio(const AudioParameters& audio) override;
  Result<void> open(const StreamParameters& stream) override;
  [[nodiscard]] bool takes_parts() const override { return true; }
  Result<void> write(const EncodedFrame& frame, FrameTimes& times) override;
  Result<void> write_audio(const AudioPacket& packet) override;
  Result<void> close() override;
  /// False while there is a receiver that has shown that it can ask for a key frame.
  [[nodiscard]] bool needs_periodic_key_frames() const override;
  [[nodiscard]] bool takes_new_sizes() const override { return true; }
  [[nodiscard]] SinkStats stats() const override;
  [[nodiscard]] std::string describe() const override;

 private:
  RtpSink(RtpSettings settings, NetworkAddress rtp_address, UdpSocket rtp,
          std::optional<UdpSocket> rtcp, std::optional<rtp::Mirror> mirror);

  Result<void> publish(const StreamParameters& stream);
  Result<void> send_paced(FrameTimes& times);
  Result<void> send_burst(const rtp::Burst& burst, Timestamp give_up);
  Result<void> stopped(const UdpSendOutcome& outcome);
  void send_reports(Timestamp instant, rtp::Farewell farewell);
  void send_report(Timestamp instant, rtp::Farewell farewell, std::uint32_t ssrc,
                   const rtp::SentCounts& counts);
  // On the reader's thread.
  void on_datagram(rtp::Bytes datagram);
  void estimate_bandwidth(const rtp::Feedback& feedback, Timestamp instant);

  RtpSettings settings_;
  NetworkAddress address_;
  SinkRequests requests_;

  std::mt19937 random_{std::random_device{}()};
  const std::uint32_t ssrc_;
  const std::optional<rtp::RtxStream> rtx_;
  rtp::Packetizer packetizer_;
  rtp::PacketSender sender_;
  std::optional<UdpSocket> rtcp_socket_;  // none: RTCP shares the sender's
  std::optional<rtp::RtpClock> clock_;    // set by the first frame
  std::string cname_;
  Timestamp next_report_ = kNoTimestamp;

  std::shared_ptr<const StreamParameters> stream_;  // of the latest frame
  std::uint64_t sdp_id_;
  std::uint64_t sdp_version_;
  std::string published_;  // the SDP's text; empty before the first

  Timestamp pts_;  // of the packets at hand
  std::vector<std::size_t> packet_bytes_;
  rtp::Pacer pacer_;

  std::unique_ptr<rtp::AudioRtpStream> audio_;  // null: no sound

  std::optional<Timestamp> unreachable_since_;
  std::uint64_t refused_ = 0;
  bool open_ = false;

  std::atomic<std::uint64_t> sent_frames_{0};
  std::atomic<bool> receiver_asks_{false};  // has asked for a key frame
  std::atomic<Timestamp> heard_{kNoTimestamp};
  std::optional<rtp::BandwidthEstimator> estimator_;  // the reader's, once open
  bool reports_arrivals_ = false;                     // so does the receiver
  std::atomic<std::uint64_t> told_bandwidth_{0};      // bits per second; 0: not known
  std::optional<rtp::DatagramReader> reader_;         // while open
};

}  // namespace lumen
