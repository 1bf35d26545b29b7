#include "sink/web/video_sender.h"

#include <utility>

#include "platform/clock_sleep.h"
#include "sink/rtp/rtp_packet.h"

namespace lumen::web {
namespace {

// What passes wherever IPv6 does (minimum MTU 1280), less what a viewer's header extension, a
// second sending and SRTP (RFC 3711: 10 bytes of authentication) add.
constexpr std::size_t kPacketBytes = 1200 - kExtensionBytes - rtp::kRtxBytes - 10;

}  // namespace

VideoSender::VideoSender(Audience& audience, std::optional<rtp::Mirror> mirror)
    : audience_(audience),
      packetizer_({.max_packet_bytes = kPacketBytes}),
      mirror_(std::move(mirror)) {}

void VideoSender::write(const EncodedFrame& frame, FrameTimes& times) {
  if (frame.part == 0) {
    pacer_.begin(frame.stream->rate,
                 frame.key ? rtp::Pacer::Picture::kKey : rtp::Pacer::Picture::kPredicted);
  }
  if (!clock_) clock_.emplace(frame.pts, static_cast<std::uint32_t>(random_()));
  const bool start = frame.key && frame.part == 0;
  const auto packets = packetizer_.packetize(
      frame.stream->codec, start ? rtp::Bytes(frame.stream->parameter_sets) : rtp::Bytes(),
      frame.data.view(), clock_->at(frame.pts),
      frame.last ? rtp::Packetizer::End::kAccessUnit : rtp::Packetizer::End::kPart);
  times.mark(Stage::kSendBegin);
  send_paced(packets, frame.pts, start);
  times.mark(Stage::kSent);
  if (frame.last) frames_.fetch_add(1, std::memory_order_relaxed);
}

void VideoSender::send_paced(std::span<const rtp::Bytes> packets, Timestamp seen, bool start) {
  packet_bytes_.clear();
  for (const rtp::Bytes packet : packets) packet_bytes_.push_back(packet.size());
  const Timestamp begin = now();
  for (const rtp::Burst& burst : pacer_.plan(packet_bytes_, audience_.bandwidth())) {
    if (burst.at > Nanoseconds{0}) sleep_until(begin + burst.at);
    const auto due = packets.subspan(burst.first, burst.count);
    audience_.send(due, seen, start && burst.first == 0);
    if (mirror_) mirror_->send(due);
  }
}

}  // namespace lumen::web
