// A snapshot of a running stream, for the progress line, --stats json and the report at the end.
// Plain values: whoever makes it fills everything in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/adaptation/adaptation.h"
#include "app/status/audio_status.h"
#include "app/status/event_log.h"
#include "capture/capture_source.h"
#include "core/geometry.h"
#include "core/ladder.h"
#include "core/ledger.h"
#include "core/time.h"
#include "encode/encoded_frame.h"
#include "sink/sink.h"
#include "zerocopy/recycling_pool.h"

namespace lumen {

enum class StreamState : std::uint8_t {
  kConnecting,  // no frame yet
  kStreaming,
  kPaused,        // the source has paused or renegotiates
  kReconnecting,  // the source is lost, or not there yet; lumen keeps trying
  kIdle,          // nobody watches: the source is paused
  kStopping,
  kEnded,   // done, cleanly
  kFailed,  // done, see state_reason
};
std::string_view to_string(StreamState state);

/// kRetrying: its receiver is out of reach, and it tries again.
enum class SinkState : std::uint8_t { kRunning, kRetrying, kClosed, kFailed };
std::string_view to_string(SinkState state);

struct SinkStatus {
  unsigned id = 0;   // for remove-sink; never given again
  std::string name;  // "file demo.mp4", as in the ledger
  SinkState state = SinkState::kRunning;
  std::string error;  // one line; empty unless failed or retrying
  SinkStats stats;
  std::uint64_t dropped = 0;  // frames that its queue had no room for
};

/// Frames since start.
struct StreamCounters {
  std::uint64_t captured = 0;
  std::uint64_t encoded = 0;     // repeated frames included
  std::uint64_t superseded = 0;  // replaced by a newer frame before they were encoded
  std::uint64_t skipped = 0;     // could not be imported or encoded
  std::uint64_t repeated = 0;    // the last picture once more, because nothing new came
  std::uint64_t waiting = 0;     // besides: lumen's own pictures, which say that it waits
  std::uint64_t key_frames = 0;
  std::uint64_t reconnects = 0;    // of the source
  std::uint64_t damage_known = 0;  // encoded frames of which the source said what had changed
  double damage_share = 0;         // of their pixels, on average, 0 to 1
};

struct StreamStatus {
  StreamState state = StreamState::kConnecting;
  std::string state_reason;  // may be empty
  Nanoseconds uptime{0};
  Timestamp started = kNoTimestamp;

  std::string source;                    // "PipeWire node gamescope (id 41)"
  std::string route;                     // "cpu/shm"; empty before the first frame
  PoolStatus pool;                       // pictures of that route, with the encoder and free
  std::string encoder;                   // "libx264"; empty before it is open
  std::optional<Codec> codec;            // none before the encoder is open
  Extent size;                           // of the stream; empty before the encoder is open
  unsigned bit_depth = 0;                // of the stream's samples; 0 before the encoder is open
  ColorDescription color;                // of the stream, likewise
  std::optional<CaptureFormat> capture;  // that was negotiated last

  double captured_fps = 0;                // over the last second
  double encoded_fps = 0;                 // over the last second
  std::uint64_t bitrate_bps = 0;          // over the last second
  std::uint64_t average_bitrate_bps = 0;  // since start
  std::uint64_t target_bitrate_bps = 0;   // 0: constant quality

  StreamCounters counters;
  std::optional<AudioStatus> audio;  // none: no sound is wanted
  std::vector<SinkStatus> sinks;
  Ladder importers;
  Ladder encoders;
  AdaptationStatus adaptation;
  std::vector<StreamEvent> events;  // the last few, the newest last

  StageSummary interval;  // latencies since the last status
  StageSummary total;     // latencies since start

  /// Frames that did not reach a sink, for lack of time or for a passing fault.
  [[nodiscard]] std::uint64_t dropped_in_send() const;
  /// Frames that a viewer of at least one sink has missed, wherever they were lost.
  [[nodiscard]] std::uint64_t dropped() const;
};

}  // namespace lumen
