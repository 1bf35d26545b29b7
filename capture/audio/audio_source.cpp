#include "capture/audio/audio_source.h"

namespace lumen {

std::string_view to_string(AudioState state) {
  switch (state) {
    case AudioState::kWaiting: return "waiting";
    case AudioState::kPaused: return "paused";
    case AudioState::kStreaming: break;
  }
  return "streaming";
}

}  // namespace lumen
