#include "app/status/stream_status.h"

namespace lumen {

std::string_view to_string(StreamState state) {
  switch (state) {
    case StreamState::kConnecting: return "connecting";
    case StreamState::kStreaming: return "streaming";
    case StreamState::kPaused: return "paused";
    case StreamState::kReconnecting: return "reconnecting";
    case StreamState::kIdle: return "idle";
    case StreamState::kStopping: return "stopping";
    case StreamState::kEnded: return "ended";
    case StreamState::kFailed: break;
  }
  return "failed";
}

std::string_view to_string(SinkState state) {
  switch (state) {
    case SinkState::kRunning: return "running";
    case SinkState::kRetrying: return "retrying";
    case SinkState::kClosed: return "closed";
    case SinkState::kFailed: break;
  }
  return "failed";
}

std::uint64_t StreamStatus::dropped() const {
  return counters.superseded + counters.skipped + dropped_in_send();
}

std::uint64_t StreamStatus::dropped_in_send() const {
  std::uint64_t sum = 0;
  for (const SinkStatus& sink : sinks) sum += sink.dropped;
  return sum;
}

}  // namespace lumen
