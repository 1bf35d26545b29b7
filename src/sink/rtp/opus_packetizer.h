// Opus packets to RTP packets (RFC 7587): one to one, no header of their own. Memory is reused.
// Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "encode/audio/audio_packet.h"
#include "sink/rtp/nal.h"
#include "sink/rtp/rtp_clock.h"

namespace lumen::rtp {

struct OpusPacketizerSettings {
  std::uint8_t payload_type = 97;
  std::uint32_t ssrc = 0;
  std::uint16_t first_sequence = 0;
  std::uint32_t first_timestamp = 0;  // of the first packet; RFC 3550 5.1 wants it random
};

class OpusPacketizer {
 public:
  explicit OpusPacketizer(const OpusPacketizerSettings& settings)
      : settings_(settings), sequence_(settings.first_sequence) {}

  /// The timestamp is the packet's pts on Opus' clock, so that it jumps where the sound had a gap;
  /// what follows upon one has the marker (RFC 3551 section 4.1). Valid until the next call.
  Bytes packetize(const AudioPacket& packet);

  /// A moment on the stream's RTP clock, for sender reports; none before the first packet.
  [[nodiscard]] std::optional<std::uint32_t> timestamp_at(Timestamp instant) const;

 private:
  const OpusPacketizerSettings settings_;
  std::uint16_t sequence_;
  std::optional<RtpClock> clock_;  // set by the first packet
  Timestamp expected_ = kNoTimestamp;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace lumen::rtp
