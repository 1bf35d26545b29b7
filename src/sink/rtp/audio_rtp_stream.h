// The sound beside a video stream over plain RTP: Opus by RFC 7587 to a port of its own, with
// sender reports to the next one or (RFC 5761) the same. Receivers synchronize the two by the
// reports' wall clock and by the common CNAME (RFC 3550 sections 6.4.1 and 6.5.1).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "core/error.h"
#include "platform/udp_socket.h"
#include "sink/rtp/opus_packetizer.h"
#include "sink/rtp/rtcp.h"

namespace lumen::rtp {

struct AudioRtpSettings {
  std::uint16_t port = 0;               // 1 to 65534, with rtcp_mux to 65535; 0: no sound
  std::uint8_t payload_type = 97;       // 96 to 127
  std::optional<std::uint32_t> ssrc{};  // absent: random
  bool rtcp_mux = false;                // reports go to `port` as well

  friend bool operator==(const AudioRtpSettings&, const AudioRtpSettings&) = default;
};

/// One thread.
class AudioRtpStream {
 public:
  /// `host` is the video's destination. kIo where there is no route.
  static Result<std::unique_ptr<AudioRtpStream>> create(const NetworkAddress& host,
                                                        const AudioRtpSettings& settings,
                                                        std::string cname);
  AudioRtpStream(const AudioRtpStream&) = delete;
  AudioRtpStream& operator=(const AudioRtpStream&) = delete;
  ~AudioRtpStream();  // says BYE

  /// Sends at once. What the network does not take is lost, as it might be on the way; that the
  /// network is down is the video's to tell.
  void send(const AudioPacket& packet);

  /// The m= section for the session's description (RFC 8866; RFC 7587 section 7).
  [[nodiscard]] std::string sdp() const;

  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // RTP headers included

 private:
  AudioRtpStream(const AudioRtpSettings& settings, std::string cname, std::uint32_t ssrc,
                 std::mt19937& random, UdpSocket rtp, std::optional<UdpSocket> rtcp);
  void report(Timestamp instant, Farewell farewell);

  const AudioRtpSettings settings_;
  const std::string cname_;
  const std::uint32_t ssrc_;
  OpusPacketizer packetizer_;
  UdpSocket rtp_;
  std::optional<UdpSocket> rtcp_;  // none: as rtp_
  Timestamp next_report_ = kNoTimestamp;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace lumen::rtp
