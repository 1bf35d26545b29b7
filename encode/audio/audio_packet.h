// What the sound is once it is encoded.
#pragma once

#include <cstdint>

#include "core/time.h"
#include "encode/encoded_frame.h"

namespace lumen {

inline constexpr unsigned kOpusRate = 48'000;  // Opus' clock, whatever was encoded (RFC 7587 4.1)
inline constexpr unsigned kOpusFrame = 480;    // samples per channel and packet: 10 ms

struct AudioPacket {
  SharedBytes data;  // one Opus packet (RFC 6716), stereo
  /// When the first sample is heard that a decoder makes of it: the encoder's delay is taken off,
  /// so that nobody need know of it, nor skip anything. Packets lie on one grid of 1/48000 s; they
  /// join without a seam unless the sound had a gap.
  Timestamp pts;
  Nanoseconds duration{0};
};

/// Constant for all packets of a stream.
struct AudioParameters {
  unsigned channels = 2;
  std::uint64_t bitrate_bps = 0;  // target
};

}  // namespace lumen
