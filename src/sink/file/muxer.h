// A container that frames are written into.
#pragma once

#include <cstdint>
#include <span>

#include "core/error.h"
#include "encode/audio/audio_packet.h"
#include "encode/encoded_frame.h"

namespace lumen {

/// One thread. Any error is final: afterwards only the destructor may be called, which writes
/// nothing.
class Muxer {
 public:
  virtual ~Muxer() = default;

  /// `parameter_sets` (Annex B, may be empty) go in front of the access unit, in band.
  virtual Result<void> write(const EncodedFrame& frame,
                             std::span<const std::uint8_t> parameter_sets) = 0;

  /// Sound, where the container has a track for it.
  virtual Result<void> write(const AudioPacket& packet) = 0;

  /// Writes what belongs at the end.
  virtual Result<void> finish() = 0;
};

}  // namespace lumen
