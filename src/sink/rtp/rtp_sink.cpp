#include "sink/rtp/rtp_sink.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "platform/clock_sleep.h"
#include "sink/rtp/encoding_name.h"
#include "sink/rtp/rtcp_parser.h"
#include "sink/rtp/sdp.h"

namespace lumen {
namespace {

// Four key frames of the default bit rate; net.core.wmem_max caps it (212992 by default).
constexpr int kPictureBufferBytes = 4 << 20;
constexpr std::size_t kHistoryPackets = 2048;                      // a second at 20 Mb/s
constexpr Nanoseconds kBusyLimit = std::chrono::milliseconds{20};  // then the frame is given up
constexpr Nanoseconds kUnreachableLimit = std::chrono::seconds{5};
constexpr std::uint64_t kToldPercent = 3;  // smaller changes of bandwidth are not worth a word
constexpr unsigned kMaxRefusalsInRow = 8;
// Receivers report at least about every five seconds (RFC 3550 section 6.2).
constexpr Nanoseconds kSilence = std::chrono::seconds{10};

using Milliseconds = std::chrono::duration<double, std::milli>;

std::chrono::sys_time<Nanoseconds> wall_now() {
  return std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
}

std::string endpoint(const NetworkAddress& address) {
  return address.family == AddressFamily::kIpv6 ? fmt::format("[{}]:{}", address.ip, address.port)
                                                : fmt::format("{}:{}", address.ip, address.port);
}

// What is sent again comes on top.
rtp::BandwidthLimits bandwidth_limits(const StreamParameters& stream) {
  rtp::BandwidthLimits limits;
  if (stream.bitrate_bps > 0) limits.highest_bps = stream.bitrate_bps + stream.bitrate_bps / 4;
  limits.highest_bps = std::max(limits.highest_bps, limits.lowest_bps);
  return limits;
}

std::uint16_t rtcp_port(const RtpSettings& settings) {
  if (settings.rtcp_mux) return settings.port;
  return settings.rtcp_port.value_or(static_cast<std::uint16_t>(settings.port + 1));
}

std::uint32_t make_ssrc(const RtpSettings& settings, std::uint32_t random) {
  return settings.ssrc.value_or(random == settings.rtx_ssrc ? random + 1 : random);
}

std::optional<rtp::RtxStream> make_rtx(const RtpSettings& settings, std::uint32_t taken,
                                       std::uint32_t random) {
  if (!settings.rtx_payload_type) return std::nullopt;
  return rtp::RtxStream{.payload_type = *settings.rtx_payload_type,
                        .ssrc = settings.rtx_ssrc.value_or(random == taken ? random + 1 : random)};
}

Result<void> check_extensions(const RtpSettings& settings) {
  const rtp::HeaderExtensions& ids = settings.extensions;
  if (ids.abs_capture_time > 14 || ids.transport_sequence > 14 ||
      (ids.abs_capture_time != 0 && ids.abs_capture_time == ids.transport_sequence)) {
    return fail(ErrorKind::kInvalidArgument,
                "header extensions need identifiers from 1 to 14, each its own",
                "for example abs-capture-time=1 and twcc=2");
  }
  const auto& rtx = settings.rtx_payload_type;
  if (settings.rtx_ssrc && !rtx) {
    return fail(ErrorKind::kInvalidArgument, "rtx-ssrc needs rtx-pt", "for example rtx-pt=97");
  }
  if (rtx && (*rtx < 96 || *rtx > 127 || *rtx == settings.payload_type ||
              (settings.rtx_ssrc && settings.rtx_ssrc == settings.ssrc))) {
    return fail(ErrorKind::kInvalidArgument,
                "retransmissions need a payload type from 96 to 127 and an SSRC of their own",
                "for example rtx-pt=97");
  }
  return {};
}

Result<void> check(const RtpSettings& settings) {
  if (settings.host.empty()) {
    return fail(ErrorKind::kInvalidArgument, "RTP needs a host", "for example rtp:127.0.0.1:5004");
  }
  if (settings.port == 0 || settings.port == 65535) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("RTP can't go to port {}", settings.port),
                "choose a port from 1 to 65534");
  }
  if (settings.rtcp_mux && settings.rtcp_port) {
    return fail(ErrorKind::kInvalidArgument, "with rtcp-mux RTCP has no port of its own",
                "leave out rtcp= or mux");
  }
  if (settings.rtcp_port == 0 || settings.rtcp_port == settings.port) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("RTCP can't go to port {}", *settings.rtcp_port),
                "choose another one, or mux to share RTP's");
  }
  const unsigned apart = settings.audio.port > settings.port ? settings.audio.port - settings.port
                                                             : settings.port - settings.audio.port;
  const unsigned ports = settings.rtcp_mux ? 1 : 2;  // of each
  if (settings.audio.port != 0 && (settings.audio.port + ports > 65536 || apart < ports)) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("RTP's sound can't go to port {}", settings.audio.port),
                settings.rtcp_mux
                    ? "the picture goes there: choose another"
                    : "it and the next one must be free of the picture's two: choose port + 2");
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
  // RFC 5761 section 4: with the marker they would look like RTCP.
  if (settings.rtcp_mux && settings.payload_type >= 64 && settings.payload_type < 96) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("payload type {} can't share a port with RTCP", settings.payload_type),
                "choose one from 96 to 127");
  }
  return check_extensions(settings);
}

}  // namespace

Result<std::unique_ptr<RtpSink>> RtpSink::create(RtpSettings settings) {
  if (auto good = check(settings); !good) return tl::unexpected(good.error());
  const auto address = resolve_udp(settings.host, settings.port);
  if (!address) return tl::unexpected(address.error());
  auto rtp = UdpSocket::connect(*address, kPictureBufferBytes);
  if (!rtp) return with_context("rtp", rtp.error());
  std::optional<UdpSocket> rtcp;
  if (!settings.rtcp_mux) {
    auto socket =
        UdpSocket::connect(with_port(*address, rtcp_port(settings)), kPictureBufferBytes / 64);
    if (!socket) return with_context("rtcp", socket.error());
    rtcp = *std::move(socket);
  }
  auto mirror = rtp::Mirror::create_if(settings.mirror);
  if (!mirror) return tl::unexpected(mirror.error());
  if (!settings.sdp_path.empty()) {
    if (auto good = rtp::check_sdp_path(settings.sdp_path); !good) {
      return tl::unexpected(good.error());
    }
  }
  return std::unique_ptr<RtpSink>(new RtpSink(std::move(settings), *address, *std::move(rtp),
                                              std::move(rtcp), *std::move(mirror)));
}

RtpSink::RtpSink(RtpSettings settings, NetworkAddress rtp_address, UdpSocket rtp,
                 std::optional<UdpSocket> rtcp, std::optional<rtp::Mirror> mirror)
    : settings_(std::move(settings)),
      address_(std::move(rtp_address)),
      ssrc_(make_ssrc(settings_, static_cast<std::uint32_t>(random_()))),
      rtx_(make_rtx(settings_, ssrc_, static_cast<std::uint32_t>(random_()))),
      packetizer_({.payload_type = settings_.payload_type,
                   .ssrc = ssrc_,
                   .max_packet_bytes = settings_.mtu - (rtx_ ? rtp::kRtxBytes : 0),
                   .first_sequence = static_cast<std::uint16_t>(random_()),
                   .extensions = settings_.extensions}),
      sender_(std::move(rtp), std::move(mirror),
              {.extensions = settings_.extensions,
               .rtx = rtx_,
               .first_rtx_sequence = static_cast<std::uint16_t>(random_()),
               .retransmission = {.packets = kHistoryPackets}}),
      rtcp_socket_(std::move(rtcp)),
      cname_(rtp::make_cname()),
      sdp_id_(rtp::ntp_time(wall_now())),
      sdp_version_(sdp_id_) {}

RtpSink::~RtpSink() { (void)close(); }

void RtpSink::expect_audio(const AudioParameters&) {
  if (settings_.audio.port == 0) {
    log::area("rtp").info("{} gets no sound; audio-port=PORT says where it would go", describe());
    return;
  }
  rtp::AudioRtpSettings audio = settings_.audio;
  audio.rtcp_mux = settings_.rtcp_mux;
  auto stream = rtp::AudioRtpStream::create(address_, audio, cname_);
  if (stream) {
    audio_ = *std::move(stream);
  } else {
    log::area("rtp").warn("no sound: {}", stream.error().describe());
  }
}

Result<void> RtpSink::write_audio(const AudioPacket& packet) {
  if (audio_) audio_->send(packet);
  return {};
}

Result<void> RtpSink::open(const StreamParameters& stream) {
  open_ = true;
  log::area("rtp").info("{} to {}, payload type {}, SSRC {:#010x}, mtu {}{}",
                        rtp::encoding_name(stream.codec), endpoint(address_),
                        settings_.payload_type, ssrc_, settings_.mtu,
                        stream.codec == Codec::kH264
                            ? ", profile-level-id " + rtp::profile_level_id(stream.parameter_sets)
                            : "");
  if (settings_.payload_type < 96) {
    log::area("rtp").warn(
        "payload type {} belongs to another format (RFC 3551); 96 to 127 are free",
        settings_.payload_type);
  }
  if (auto published = publish(stream); !published) return published;
  estimator_.emplace(bandwidth_limits(stream));
  reader_.emplace(rtcp_socket_ ? *rtcp_socket_ : sender_.socket(), rtp::kMaxRtcpBytes,
                  [this](rtp::Bytes datagram) { on_datagram(datagram); });
  return {};
}

Result<void> RtpSink::publish(const StreamParameters& stream) {
  if (settings_.sdp_path.empty()) return {};
  rtp::SdpSession session;
  session.id = sdp_id_;
  session.version = sdp_version_;
  session.origin = sender_.socket().local_ip();
  session.destination = address_;
  session.rtcp_port = rtcp_port(settings_);
  session.rtcp_mux = settings_.rtcp_mux;
  session.feedback = settings_.sdp_feedback;
  session.payload_type = settings_.payload_type;
  session.ssrc = ssrc_;
  session.cname = cname_;
  session.extensions = settings_.extensions;
  session.rtx = rtx_;
  const std::string audio = audio_ ? audio_->sdp() : "";
  std::string text = rtp::make_sdp(session, stream) + audio;
  if (text == published_) return {};
  if (!published_.empty()) {
    session.version = ++sdp_version_;
    text = rtp::make_sdp(session, stream) + audio;
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
  pts_ = frame.pts;
  packetizer_.set_capture_time(rtp::ntp_time_at(frame.pts));
  packetizer_.packetize(
      stream_->codec, parameter_sets, frame.data.view(), clock_->at(frame.pts),
      frame.last ? rtp::Packetizer::End::kAccessUnit : rtp::Packetizer::End::kPart);
  if (first) {
    pacer_.begin(stream_->rate,
                 frame.key ? rtp::Pacer::Picture::kKey : rtp::Pacer::Picture::kPredicted);
  }
  if (auto sent = send_paced(times); !sent) return sent;
  if (!frame.last) return {};
  sent_frames_.fetch_add(1, std::memory_order_relaxed);

  if (const Timestamp instant = now(); instant >= next_report_) {
    send_reports(instant, rtp::Farewell::kNone);
    next_report_ = instant + rtp::kSenderReportInterval;
  }
  return {};
}

Result<void> RtpSink::send_paced(FrameTimes& times) {
  packet_bytes_.clear();
  for (const rtp::Bytes packet : packetizer_.packets()) packet_bytes_.push_back(packet.size());
  const auto bursts = pacer_.plan(packet_bytes_, told_bandwidth_);
  const Nanoseconds patience = (bursts.empty() ? Nanoseconds{0} : bursts.back().at) + kBusyLimit;

  const Timestamp begin = now();
  times.mark(Stage::kSendBegin, begin);
  for (const rtp::Burst& burst : bursts) {
    if (burst.at > Nanoseconds{0}) sleep_until(begin + burst.at);
    auto sent = send_burst(burst, begin + patience);
    if (!sent) return sent;
  }
  times.mark(Stage::kSent);
  return {};
}

Result<void> RtpSink::send_burst(const rtp::Burst& burst, Timestamp give_up) {
  unsigned refusals = 0;
  std::size_t done = 0;
  while (done < burst.count) {
    const UdpSendOutcome outcome =
        sender_.send(packetizer_, burst.first + done, burst.count - done, pts_);
    done += outcome.sent;
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
        sender_.socket().wait_writable(std::chrono::milliseconds{1});
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

void RtpSink::send_reports(Timestamp instant, rtp::Farewell farewell) {
  send_report(instant, farewell, ssrc_, sender_.counts());
  if (rtx_) send_report(instant, farewell, rtx_->ssrc, sender_.rtx_counts());
}

void RtpSink::send_report(Timestamp instant, rtp::Farewell farewell, std::uint32_t ssrc,
                          const rtp::SentCounts& counts) {
  rtp::SenderReport report;
  report.ssrc = ssrc;
  report.ntp = rtp::ntp_time(wall_now());
  report.rtp_time = clock_->at(instant);
  report.packets = static_cast<std::uint32_t>(counts.packets);
  report.payload_bytes = static_cast<std::uint32_t>(counts.payload);
  const auto compound = rtp::make_compound(report, cname_, farewell);
  const rtp::Bytes datagram(compound);
  // A lost report is followed by the next. A refusal (no receiver reads RTCP) hits the call after
  // the one that caused it, hence the second try.
  if (!rtcp_socket_) {
    sender_.send_rtcp(datagram);
  } else if (rtcp_socket_->send({&datagram, 1}).stop == UdpSendOutcome::Stop::kRefused) {
    (void)rtcp_socket_->send({&datagram, 1});
  }
}

void RtpSink::on_datagram(rtp::Bytes datagram) {
  if (!rtp::is_rtcp(datagram)) return;
  const auto items = rtp::parse_rtcp(datagram);
  if (!items) {
    log::area("rtp").debug("{} sends malformed RTCP", endpoint(address_));
    return;
  }
  const Timestamp instant = now();
  const rtp::Feedback feedback = rtp::collect_feedback(*items, ssrc_, rtp::ntp_time(wall_now()));
  heard_ = instant;
  if (feedback.loss) {
    log::area("rtp").debug("{} lacks {:.1f} % of the packets, round trip {:.1f} ms",
                           endpoint(address_), *feedback.loss * 100,
                           Milliseconds(feedback.round_trip.value_or(Nanoseconds{0})).count());
  }
  if (feedback.key_frame) {
    receiver_asks_ = true;
    if (requests_.key_frame) requests_.key_frame();
  }
  if (const auto loss = sender_.send_again(feedback.lost, instant)) {
    log::area("rtp").debug("{} lacks pictures of up to {:.0f} ms ago", endpoint(address_),
                           Milliseconds(instant - loss->first).count());
    if (requests_.loss) requests_.loss(loss->first, loss->last);
  }
  estimate_bandwidth(feedback, instant);
  if (feedback.bye && receiver_asks_.exchange(false)) {
    log::area("rtp").info("the receiver at {} has left", endpoint(address_));
  }
}

void RtpSink::estimate_bandwidth(const rtp::Feedback& feedback, Timestamp instant) {
  for (const rtp::TransportFeedback& transport : feedback.transport) {
    const auto reports = sender_.reports(transport);
    if (reports.empty()) continue;
    reports_arrivals_ = true;
    estimator_->on_packets(instant, reports);
  }
  if (feedback.loss && !reports_arrivals_) estimator_->on_loss(instant, *feedback.loss);
  if (feedback.most_bps) estimator_->on_remb(instant, *feedback.most_bps);

  const std::uint64_t bandwidth = estimator_->bits_per_second(instant).value_or(0);
  const std::uint64_t told = told_bandwidth_;
  const std::uint64_t change = std::max(bandwidth, told) - std::min(bandwidth, told);
  if (change * 100 <= told * kToldPercent) return;
  told_bandwidth_ = bandwidth;
  log::area("rtp").debug("the way to {} carries {:.2f} Mb/s", endpoint(address_),
                         static_cast<double>(bandwidth) / 1e6);
  if (requests_.bandwidth) requests_.bandwidth(bandwidth);
}

bool RtpSink::needs_periodic_key_frames() const {
  return !receiver_asks_ || now() - heard_.load() > kSilence;
}

Result<void> RtpSink::close() {
  if (!std::exchange(open_, false)) return {};
  reader_.reset();
  if (clock_) send_reports(now(), rtp::Farewell::kBye);
  audio_.reset();
  return {};
}

SinkStats RtpSink::stats() const {
  const rtp::SentCounts first = sender_.counts();
  const rtp::SentCounts again = sender_.rtx_counts();
  return {.frames = sent_frames_.load(std::memory_order_relaxed),
          .bytes = first.bytes + again.bytes,
          .packets = first.packets + again.packets};
}

std::string RtpSink::describe() const { return "rtp " + endpoint(address_); }

}  // namespace lumen
