#include "sink/rtp/sent_packets.h"

#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {
namespace {

// Four seconds at 20 Mb/s. A receiver that asks for what is older gets no answer, and asks for a
// key frame in the end.
constexpr std::size_t kPictures = 8192;

}  // namespace

SentPackets::SentPackets(const RetransmissionSettings& settings, Nanoseconds too_late)
    : history_(settings), too_late_(too_late), pictures_(kPictures) {}

void SentPackets::sent(Bytes packet, Timestamp pts) {
  const std::uint16_t sequence = sequence_of(packet);
  history_.sent(packet);
  pictures_[sequence % kPictures] = {pts, sequence};
}

SentPackets::Answer SentPackets::asked_for(std::uint16_t sequence, Timestamp now) {
  const Picture& picture = pictures_[sequence % kPictures];
  if (picture.pts == kNoTimestamp || picture.sequence != sequence) return {};
  if (!history_.holds(sequence) || now - picture.pts > too_late_) {
    return {.beyond_repair = picture.pts};
  }
  return {.packet = history_.take(sequence, now)};
}

}  // namespace lumen::rtp
