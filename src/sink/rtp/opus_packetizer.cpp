#include "sink/rtp/opus_packetizer.h"

#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {
namespace {

// A sample is 20.8 µs; pts are rounded to nanoseconds.
constexpr Nanoseconds kSeam = std::chrono::microseconds{10};

}  // namespace

Bytes OpusPacketizer::packetize(const AudioPacket& packet) {
  if (!clock_) clock_.emplace(packet.pts, settings_.first_timestamp, kOpusRtpRate);
  const std::uint32_t timestamp = clock_->at(packet.pts);
  const bool after_gap = expected_ == kNoTimestamp || packet.pts - expected_ > kSeam;
  expected_ = packet.pts + packet.duration;

  buffer_.clear();
  buffer_.push_back(kVersion2);
  buffer_.push_back(
      static_cast<std::uint8_t>((after_gap ? kMarker : 0U) | (settings_.payload_type & 0x7fU)));
  buffer_.push_back(static_cast<std::uint8_t>(sequence_ >> 8));
  buffer_.push_back(static_cast<std::uint8_t>(sequence_));
  for (const std::uint32_t word : {timestamp, settings_.ssrc}) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      buffer_.push_back(static_cast<std::uint8_t>(word >> shift));
    }
  }
  ++sequence_;
  const Bytes payload = packet.data.view();
  buffer_.insert(buffer_.end(), payload.begin(), payload.end());
  return buffer_;
}

std::optional<std::uint32_t> OpusPacketizer::timestamp_at(Timestamp instant) const {
  if (!clock_) return std::nullopt;
  return clock_->at(instant);
}

}  // namespace lumen::rtp
