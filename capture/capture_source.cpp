#include "capture/capture_source.h"

namespace lumen {

std::string_view to_string(CaptureState state) {
  switch (state) {
    case CaptureState::kConnecting: return "connecting";
    case CaptureState::kStreaming: return "streaming";
    case CaptureState::kPaused: return "paused";
    case CaptureState::kLost: return "lost";
    case CaptureState::kEnded: return "ended";
  }
  return "unknown";
}

}  // namespace lumen
