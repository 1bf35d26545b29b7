// Sends one video stream as plain RTP over UDP, with RTCP sender reports and an SDP file for
// players.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "platform/udp_socket.h"
#include "sink/rtp/pacer.h"
#include "sink/rtp/packetizer.h"
#include "sink/rtp/rtcp.h"
#include "sink/rtp/rtp_clock.h"
#include "sink/sink.h"

namespace lumen {

inline constexpr std::uint16_t kMinRtpMtu = 256;
inline constexpr std::uint16_t kMaxRtpMtu = 9000;

struct RtpSettings {
  std::string host{};                   // name or address; IPv6 without brackets
  std::uint16_t port = 0;               // RTP, 1 to 65534; RTCP goes to the next one
  std::uint8_t payload_type = 96;       // 0 to 127; RFC 3551 leaves 96 to 127 to formats like ours
  std::optional<std::uint32_t> ssrc{};  // absent: random
  /// Largest UDP payload in bytes: RTP header (12) and RTP payload. UDP and IP headers come on top,
  /// 28 bytes for IPv4, 48 for IPv6: 1200 passes wherever IPv6 does (minimum MTU 1280). kMinRtpMtu
  /// to kMaxRtpMtu.
  std::uint16_t mtu = 1200;
  std::string sdp_path{};  // empty: none is written

  friend bool operator==(const RtpSettings&, const RtpSettings&) = default;
};

/// The SDP file stays after close(): it says how to receive, not that something is sent. A new
/// stream object in mid-stream rewrites it.
///
/// A receiver that is not there (yet) is no error. No route for five seconds is.
class RtpSink final : public Sink {
 public:
  /// Resolves the host, opens the sockets and proves that the SDP file can be written.
  static Result<std::unique_ptr<RtpSink>> create(RtpSettings settings);

  RtpSink(const RtpSink&) = delete;
  RtpSink& operator=(const RtpSink&) = delete;
  ~RtpSink() override;

  Result<void> open(const StreamParameters& stream) override;
  [[nodiscard]] bool takes_parts() const override { return true; }
  Result<void> write(const EncodedFrame& frame, FrameTimes& times) override;
  Result<void> close() override;
  [[nodiscard]] bool needs_periodic_key_frames() const override { return true; }
  [[nodiscard]] bool takes_new_sizes() const override { return true; }
  [[nodiscard]] SinkStats stats() const override;
  [[nodiscard]] std::string describe() const override;

 private:
  RtpSink(RtpSettings settings, NetworkAddress rtp_address, UdpSocket rtp, UdpSocket rtcp);

  Result<void> publish(const StreamParameters& stream);
  Result<void> send_paced(FrameTimes& times);
  Result<void> send_burst(std::span<const rtp::Bytes> packets, Timestamp give_up);
  Result<void> stopped(const UdpSendOutcome& outcome);
  void count_sent(std::span<const rtp::Bytes> packets);
  void send_report(Timestamp instant, rtp::Farewell farewell);

  RtpSettings settings_;
  NetworkAddress address_;
  UdpSocket rtp_socket_;
  UdpSocket rtcp_socket_;

  std::mt19937 random_{std::random_device{}()};
  std::uint32_t ssrc_;
  rtp::Packetizer packetizer_;
  std::optional<rtp::RtpClock> clock_;  // set by the first frame
  std::string cname_;
  Timestamp next_report_ = kNoTimestamp;

  std::shared_ptr<const StreamParameters> stream_;  // of the latest frame
  std::uint64_t sdp_id_;
  std::uint64_t sdp_version_;
  std::string published_;  // the SDP's text; empty before the first

  std::span<const rtp::Bytes> packets_;
  std::vector<std::size_t> packet_bytes_;
  std::vector<rtp::Burst> bursts_;
  rtp::PacingSettings pacing_;
  Nanoseconds pacing_left_{0};  // for the rest of the access unit

  std::optional<Timestamp> unreachable_since_;
  std::uint64_t refused_ = 0;
  std::uint64_t payload_bytes_ = 0;
  bool open_ = false;

  std::atomic<std::uint64_t> sent_frames_{0};
  std::atomic<std::uint64_t> sent_bytes_{0};
  std::atomic<std::uint64_t> sent_packets_{0};
};

}  // namespace lumen
