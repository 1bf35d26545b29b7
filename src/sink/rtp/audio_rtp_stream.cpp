#include "sink/rtp/audio_rtp_stream.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "sink/rtp/packetizer.h"

namespace lumen::rtp {
namespace {

constexpr int kAudioSendBufferBytes = 64 << 10;  // some seconds of sound

// Reporting that an earlier datagram found nobody listening costs the call, hence the second try.
std::size_t send_one(UdpSocket& socket, Bytes datagram) {
  UdpSendOutcome outcome = socket.send({&datagram, 1});
  if (outcome.stop == UdpSendOutcome::Stop::kRefused) outcome = socket.send({&datagram, 1});
  return outcome.sent;
}

}  // namespace

Result<std::unique_ptr<AudioRtpStream>> AudioRtpStream::create(const NetworkAddress& host,
                                                               const AudioRtpSettings& settings,
                                                               std::string cname) {
  auto rtp = UdpSocket::connect(with_port(host, settings.port), kAudioSendBufferBytes);
  if (!rtp) return with_context("audio rtp", rtp.error());
  std::optional<UdpSocket> rtcp;
  if (!settings.rtcp_mux) {
    const auto port = static_cast<std::uint16_t>(settings.port + 1);
    auto connected = UdpSocket::connect(with_port(host, port), kAudioSendBufferBytes);
    if (!connected) return with_context("audio rtcp", connected.error());
    rtcp = *std::move(connected);
  }
  std::mt19937 random{std::random_device{}()};
  const auto ssrc = settings.ssrc.value_or(static_cast<std::uint32_t>(random()));
  log::area("rtp").info("Opus to port {}, payload type {}, SSRC {:#010x}", settings.port,
                        settings.payload_type, ssrc);
  return std::unique_ptr<AudioRtpStream>(new AudioRtpStream(
      settings, std::move(cname), ssrc, random, *std::move(rtp), std::move(rtcp)));
}

AudioRtpStream::AudioRtpStream(const AudioRtpSettings& settings, std::string cname,
                               std::uint32_t ssrc, std::mt19937& random, UdpSocket rtp,
                               std::optional<UdpSocket> rtcp)
    : settings_(settings),
      cname_(std::move(cname)),
      ssrc_(ssrc),
      packetizer_({.payload_type = settings.payload_type,
                   .ssrc = ssrc,
                   .first_sequence = static_cast<std::uint16_t>(random()),
                   .first_timestamp = static_cast<std::uint32_t>(random())}),
      rtp_(std::move(rtp)),
      rtcp_(std::move(rtcp)) {}

AudioRtpStream::~AudioRtpStream() { report(now(), Farewell::kBye); }

void AudioRtpStream::send(const AudioPacket& packet) {
  const Bytes datagram = packetizer_.packetize(packet);
  if (send_one(rtp_, datagram) == 1) {
    ++packets_;
    bytes_ += datagram.size();
  }
  const Timestamp instant = now();
  if (instant < next_report_) return;
  report(instant, Farewell::kNone);
  next_report_ = instant + kSenderReportInterval;
}

void AudioRtpStream::report(Timestamp instant, Farewell farewell) {
  const auto timestamp = packetizer_.timestamp_at(instant);
  if (!timestamp) return;  // nothing was ever sent
  const auto wall = std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
  const SenderReport report{
      .ssrc = ssrc_,
      .ntp = ntp_time(wall),
      .rtp_time = *timestamp,
      .packets = static_cast<std::uint32_t>(packets_),
      .payload_bytes = static_cast<std::uint32_t>(bytes_ - packets_ * kRtpHeaderBytes)};
  const auto compound = make_compound(report, cname_, farewell);
  (void)send_one(rtcp_ ? *rtcp_ : rtp_, compound);
}

std::string AudioRtpStream::sdp() const {
  return fmt::format(
      "m=audio {0} RTP/AVP {1}\r\n"
      "a=rtcp:{2}\r\n"
      "{3}"
      "a=rtpmap:{1} opus/48000/2\r\n"
      "a=fmtp:{1} sprop-stereo=1\r\n"
      "a=ptime:10\r\n",
      settings_.port, settings_.payload_type, settings_.port + (settings_.rtcp_mux ? 0 : 1),
      settings_.rtcp_mux ? "a=rtcp-mux\r\n" : "");
}

}  // namespace lumen::rtp
