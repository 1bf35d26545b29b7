// What is known about the sound of a stream. Plain values.
#pragma once

#include <cstdint>
#include <string>

#include "capture/audio/audio_source.h"

namespace lumen {

struct AudioStatus {
  AudioState state = AudioState::kWaiting;
  std::string reason;  // of the state; may be empty
  std::string source;  // "speakers (id 41)"
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t gaps = 0;  // stretches without sound from the source
  std::uint64_t lost = 0;  // blocks that came faster than they could be encoded
  double drift_ppm = 0;    // how much too fast the source's clock runs
};

}  // namespace lumen
