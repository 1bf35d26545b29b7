// Sound to Opus packets: 48 kHz, stereo, 10 ms each, restricted low delay (CELT, 2.5 ms of
// look-ahead). Such streams have no in-band FEC: it belongs to SILK (RFC 6716 section 2.1.7).
#pragma once

#include <memory>
#include <span>

#include "core/error.h"
#include "encode/audio/audio_packet.h"

struct OpusEncoder;

namespace lumen::audio {

struct OpusSettings {
  unsigned bitrate_bps = 128'000;  // on average: variable, silence costs little
};

/// One thread.
class Encoder {
 public:
  static Result<std::unique_ptr<Encoder>> create(const OpusSettings& settings);

  /// kOpusFrame times left and right, and when the first sample is heard.
  Result<AudioPacket> encode(std::span<const float> samples, Timestamp time);

  [[nodiscard]] const AudioParameters& parameters() const { return parameters_; }

 private:
  struct Free {
    void operator()(OpusEncoder* encoder) const;
  };

  Encoder() = default;

  std::unique_ptr<OpusEncoder, Free> encoder_;
  AudioParameters parameters_;
  Nanoseconds delay_{0};
};

}  // namespace lumen::audio
