#include "sink/rtp/rtp_sink.h"

#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "platform/clock_sleep.h"
#include "sink/rtp/sdp.h"

namespace lumen {
namespace {

// Four key frames of the default bit rate; net.core.wmem_max caps it (212992 by default).
constexpr int kSendBufferBytes = 4 << 20;
constexpr Nanoseconds kBusyLimit = std::chrono::milliseconds{20};  // then the frame is given up
constexpr Nanoseconds kUnreachableLimit = std::chrono::seconds{5};
constexpr unsigned kMaxRefusalsInRow = 8;

std::chrono::sys_time<Nanoseconds> wall_now() {
  return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
}

std::string endpoint(const NetworkAddress& address) {
  return address.family == AddressFamily::kIpv6 ? fmt::format("[{}]:{}", address.ip, address.port)
                                                : fmt::format("{}:{}", address.ip, address.port);
}

Result<void> check(const RtpSettings& settings) {
  if (settings.host.empty()) {
    return fail(ErrorKind::kInvalidArgument, "RTP needs a host", "for example rtp:127.0.0.1:5004");
  }
  if (settings.port == 0 || settings.port == 65535) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("RTP can't go to port {}", settings.port),
                "choose a port from 1 to 65534; RTCP takes the next one");
  }
  if (settings.payload_type > 127) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} is no RTP payload type", settings.payload_type),
                "choose one from 96 to 127");
  }
  if (settings.mtu < kMinRtpMtu || settings.mtu > kMaxRtpMtu) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("an mtu of {} is out of range", settings.mtu),
                fmt::format("choose one from {} to {}", kMinRtpMtu, kMaxRtpMtu));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RtpSink>> RtpSink::create(RtpSettings settings) {
  if (auto good = check(settings); !good) return tl::unexpected(good.error());
  const auto address = resolve_udp(settings.host, settings.port);
  if (!address) return tl::unexpected(address.error());
  const auto rtcp_port = static_cast<std::uint16_t>(settings.port + 1);
  auto rtp = UdpSocket::connect(*address, kSendBufferBytes);
  if (!rtp) return with_context("rtp", rtp.error());
  auto rtcp = UdpSocket::connect(with_port(*address, rtcp_port), kSendBufferBytes / 64);
  if (!rtcp) return with_context("rtcp", rtcp.error());
  if (!settings.sdp_path.empty()) {
    if (auto good = rtp::check_sdp_path(settings.sdp_path); !good) {
      return tl::unexpected(good.error());
    }
  }
  return std::unique_ptr<RtpSink>(
      new RtpSink(std::move(settings), *address, *std::move(rtp), *std::move(rtcp)));
}

RtpSink::RtpSink(RtpSettings settings, NetworkAddress rtp_address, UdpSocket rtp, UdpSocket rtcp)
    : settings_(std::move(settings)),
      address_(std::move(rtp_address)),
      rtp_socket_(std::move(rtp)),
      rtcp_socket_(std::move(rtcp)),
      ssrc_(settings_.ssrc.value_or(static_cast<std::uint32_t>(random_()))),
      packetizer_({.payload_type = settings_.payload_type,
                   .ssrc = ssrc_,
                   .max_packet_bytes = settings_.mtu,
                   .first_sequence = static_cast<std::uint16_t>(random_())}),
      cname_(rtp::make_cname()),
      sdp_id_(rtp::ntp_time(wall_now())),
      sdp_version_(sdp_id_) {}

RtpSink::~RtpSink() { (void)close(); }

Result<void> RtpSink::open(const StreamParameters& stream) {
  if (stream.codec == Codec::kAv1) {
    return fail(ErrorKind::kInvalidArgument, "RTP carries H.264 and HEVC only",
                "choose --codec h264 or hevc");
  }
  open_ = true;
  log::area("rtp").info("{} to {}, payload type {}, SSRC {:#010x}, mtu {}{}",
                        stream.codec == Codec::kH264 ? "H.264" : "HEVC", endpoint(address_),
                        settings_.payload_type, ssrc_, settings_.mtu,
                        stream.codec == Codec::kH264
                            ? ", profile-level-id " + rtp::profile_level_id(stream.parameter_sets)
                            : "");
  if (settings_.payload_type < 96) {
    log::area("rtp").warn(
        "payload type {} belongs to another format (RFC 3551); 96 to 127 are free",
        settings_.payload_type);
  }
  return publish(stream);
}

Result<void> RtpSink::publish(const StreamParameters& stream) {
  if (settings_.sdp_path.empty()) return {};
  rtp::SdpSession session;
  session.id = sdp_id_;
  session.version = sdp_version_;
  session.origin = rtp_socket_.local_ip();
  session.destination = address_;
  session.rtcp_port = static_cast<std::uint16_t>(address_.port + 1);
  session.payload_type = settings_.payload_type;
  std::string text = rtp::make_sdp(session, stream);
  if (text == published_) return {};
  if (!published_.empty()) {
    session.version = ++sdp_version_;
    text = rtp::make_sdp(session, stream);
    log::area("rtp").info("the stream's parameters changed: {} is rewritten", settings_.sdp_path);
  }
  if (auto written = rtp::write_sdp(settings_.sdp_path, text); !written) {
    return tl::unexpected(written.error());
  }
  published_ = std::move(text);
  return {};
}

Result<void> RtpSink::write(const EncodedFrame& frame, FrameTimes& times) {
  if (frame.stream != stream_) {
    if (auto published = publish(*frame.stream); !published) return published;
    stream_ = frame.stream;
  }
  if (!clock_) clock_.emplace(frame.pts, static_cast<std::uint32_t>(random_()));

  const bool first = frame.part == 0;
  const rtp::Bytes parameter_sets =
      frame.key && first ? rtp::Bytes(stream_->parameter_sets) : rtp::Bytes();
  packets_ = packetizer_.packetize(
      stream_->codec, parameter_sets, frame.data.view(), clock_->at(frame.pts),
      frame.last ? rtp::Packetizer::End::kAccessUnit : rtp::Packetizer::End::kPart);
  if (first) pacing_left_ = rtp::pacing_budget(stream_->rate);
  if (auto sent = send_paced(times); !sent) return sent;
  if (!frame.last) return {};
  sent_frames_.fetch_add(1, std::memory_order_relaxed);

  if (const Timestamp instant = now(); instant >= next_report_) {
    send_report(instant, rtp::Farewell::kNone);
    next_report_ = instant + rtp::kSenderReportInterval;
  }
  return {};
}

// What one part spends of the frame's time, the next ones lack.
Result<void> RtpSink::send_paced(FrameTimes& times) {
  packet_bytes_.clear();
  for (const rtp::Bytes packet : packets_) packet_bytes_.push_back(packet.size());
  rtp::plan_bursts(packet_bytes_, pacing_left_, pacing_, bursts_);
  const Nanoseconds patience = rtp::pacing_budget(stream_->rate) + kBusyLimit;

  const Timestamp begin = now();
  times.mark(Stage::kSendBegin, begin);
  for (const rtp::Burst& burst : bursts_) {
    if (burst.at > Nanoseconds{0}) sleep_until(begin + burst.at);
    auto sent = send_burst(packets_.subspan(burst.first, burst.count), begin + patience);
    if (!sent) return sent;
  }
  if (!bursts_.empty()) pacing_left_ -= bursts_.back().at;
  times.mark(Stage::kSent);
  return {};
}

Result<void> RtpSink::send_burst(std::span<const rtp::Bytes> packets, Timestamp give_up) {
  unsigned refusals = 0;
  while (!packets.empty()) {
    const UdpSendOutcome outcome = rtp_socket_.send(packets);
    count_sent(packets.first(outcome.sent));
    packets = packets.subspan(outcome.sent);
    if (outcome.sent > 0) {
      refusals = 0;
      unreachable_since_.reset();
    }
    switch (outcome.stop) {
      case UdpSendOutcome::Stop::kNone: break;
      case UdpSendOutcome::Stop::kRefused:
        // Reporting the refusal cleared it, and the packet at hand is still to be sent.
        if (refused_++ == 0) {
          log::area("rtp").info("nobody receives at {} yet; sending on", endpoint(address_));
        }
        if (++refusals > kMaxRefusalsInRow) return {};
        break;
      case UdpSendOutcome::Stop::kBusy:
        if (now() >= give_up) {
          return fail_errno(ErrorKind::kRetry, "the network takes no more packets", outcome.code,
                            "lower the bit rate");
        }
        // ENOBUFS does not show in poll(): the pause bounds the rate of attempts either way.
        rtp_socket_.wait_writable(std::chrono::milliseconds{1});
        sleep_until(now() + std::chrono::microseconds{200});
        break;
      case UdpSendOutcome::Stop::kUnreachable:
      case UdpSendOutcome::Stop::kTooLarge:
      case UdpSendOutcome::Stop::kFailed: return stopped(outcome);
    }
  }
  return {};
}

Result<void> RtpSink::stopped(const UdpSendOutcome& outcome) {
  const std::string what = "can't send to " + endpoint(address_);
  if (outcome.stop == UdpSendOutcome::Stop::kTooLarge) {
    return fail_errno(
        ErrorKind::kIo, what, outcome.code,
        fmt::format("the path takes no packets of {} bytes: lower mtu", settings_.mtu));
  }
  if (outcome.stop == UdpSendOutcome::Stop::kFailed) {
    return fail_errno(ErrorKind::kIo, what, outcome.code);
  }
  const Timestamp instant = now();
  if (!unreachable_since_) unreachable_since_ = instant;
  const bool persistent = instant - *unreachable_since_ >= kUnreachableLimit;
  return fail_errno(persistent ? ErrorKind::kIo : ErrorKind::kRetry, what, outcome.code,
                    "check that this machine's network is up and its firewall lets UDP out");
}

void RtpSink::count_sent(std::span<const rtp::Bytes> packets) {
  std::uint64_t bytes = 0;
  for (const rtp::Bytes packet : packets) bytes += packet.size();
  payload_bytes_ += bytes - packets.size() * rtp::kRtpHeaderBytes;
  sent_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  sent_packets_.fetch_add(packets.size(), std::memory_order_relaxed);
}

void RtpSink::send_report(Timestamp instant, rtp::Farewell farewell) {
  rtp::SenderReport report;
  report.ssrc = ssrc_;
  report.ntp = rtp::ntp_time(wall_now());
  report.rtp_time = clock_->at(instant);
  report.packets = static_cast<std::uint32_t>(sent_packets_.load(std::memory_order_relaxed));
  report.payload_bytes = static_cast<std::uint32_t>(payload_bytes_);
  const auto compound = rtp::make_compound(report, cname_, farewell);
  const rtp::Bytes datagram(compound);
  // A lost report is followed by the next. A refusal (no receiver reads RTCP) hits the call after
  // the one that caused it, hence the second try.
  if (rtcp_socket_.send({&datagram, 1}).stop == UdpSendOutcome::Stop::kRefused) {
    (void)rtcp_socket_.send({&datagram, 1});
  }
}

Result<void> RtpSink::close() {
  if (!std::exchange(open_, false)) return {};
  if (clock_) send_report(now(), rtp::Farewell::kBye);
  return {};
}

SinkStats RtpSink::stats() const {
  SinkStats stats;
  stats.frames = sent_frames_.load(std::memory_order_relaxed);
  stats.bytes = sent_bytes_.load(std::memory_order_relaxed);
  stats.packets = sent_packets_.load(std::memory_order_relaxed);
  return stats;
}

std::string RtpSink::describe() const { return "rtp " + endpoint(address_); }

}  // namespace lumen
