// Where encoded frames go: a file, an RTP receiver, browsers, later a replay ring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"
#include "encode/audio/audio_packet.h"
#include "encode/encoded_frame.h"

namespace lumen {

struct SinkStats {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;    // payload written or sent, container and RTP headers included
  std::uint64_t packets = 0;  // 0 for files
};

/// What a sink's receivers may ask for. May be called on any thread; never waits. Any may be empty.
struct SinkRequests {
  std::function<void()> key_frame;
  /// A receiver lacks the pictures of these pts, and those between, for good.
  std::function<void(Timestamp first, Timestamp last)> loss;
  /// What the way to the slowest receiver carries, in bits per second of all that the sink sends;
  /// called when it has changed by a few percent. 0: no limit is known.
  std::function<void(std::uint64_t bits_per_second)> bandwidth;
  /// A viewer has chosen one of the qualities that the status names. False: there is none so named.
  std::function<bool(std::string_view id)> quality;
  /// Somebody on this machine asks the host for something, as a JSON object
  /// (app/control/request.h). It is done soon after the answer. kInvalidArgument, kUnsupported,
  /// kRetry: it won't be.
  std::function<Result<void>(std::string_view request)> control;
  /// What wants_frames() or viewers() says may have changed.
  std::function<void()> demand;
  /// The one receiver that the sink keeps up a connection with is out of reach, and why; null: it
  /// is there again. Told once each time; meanwhile trouble() says it.
  std::function<void(const Error* lost)> connection;
};

/// All calls come from one thread, the sink's own; stats() and show_status() from any.
class Sink {
 public:
  virtual ~Sink() = default;  // closes, ignoring errors

  /// Called once, before open(), from the thread that made the sink. What it is given must not be
  /// called once the sink is gone.
  virtual void connect(SinkRequests /*requests*/) {}

  /// About the whole stream, a JSON object, once a second: for sinks that have somebody to tell.
  virtual void show_status(const std::string& /*json*/) {}

  /// Called at most once, before open(): sound comes with the pictures, as far as is known now.
  virtual void expect_audio(const AudioParameters& /*audio*/) {}

  /// Called once, before the first write(), with the stream that the first frame belongs to.
  virtual Result<void> open(const StreamParameters& stream) = 0;

  /// Parts of an access unit (EncodedFrame::part) are written as they come. An access unit may be
  /// left unfinished: the next part 0 begins another. Without, write() gets whole ones only.
  [[nodiscard]] virtual bool takes_parts() const { return false; }

  /// The first frame is a key frame. May take as long as a quarter of the frame interval (pacing).
  /// Marks kSendBegin and kSent in `times`, a copy that the caller enters into the ledger.
  /// Errors: kRetry, this frame was lost but the sink goes on; anything else ends the sink.
  virtual Result<void> write(const EncodedFrame& frame, FrameTimes& times) = 0;

  /// Sound, in order of pts, between the pictures but not in order with them: it may be ahead or
  /// behind by what the two take to be encoded. After open(). Errors as write()'s. A sink that
  /// can't hold sound leaves it out.
  virtual Result<void> write_audio(const AudioPacket& /*packet*/) { return {}; }

  /// Finishes (trailer, RTCP BYE) and syncs what was written. The error counts: the disk may be
  /// full.
  virtual Result<void> close() = 0;

  /// True while a receiver can't ask for a key frame, so that one must come every two seconds. Any
  /// thread.
  [[nodiscard]] virtual bool needs_periodic_key_frames() const = 0;

  /// False while nobody would see them: when that is so of all sinks, the source is paused. Any
  /// thread.
  [[nodiscard]] virtual bool wants_frames() const { return true; }

  /// Who watches now, where people come and go by themselves. Any thread.
  [[nodiscard]] virtual std::size_t viewers() const { return 0; }

  /// Why nothing arrives at present, though the sink goes on by itself, in one line; empty: it
  /// does. Any thread.
  [[nodiscard]] virtual std::string trouble() const { return {}; }

  /// Whether pictures of the host's own belong here, which say that the session is waited for. Any
  /// thread.
  [[nodiscard]] virtual bool shows_waiting_picture() const { return true; }

  /// True where the receivers follow a new size in mid-stream; a file can't.
  [[nodiscard]] virtual bool takes_new_sizes() const { return false; }

  [[nodiscard]] virtual SinkStats stats() const = 0;
  [[nodiscard]] virtual std::string describe() const = 0;  // "file demo.mp4"
};

}  // namespace lumen
