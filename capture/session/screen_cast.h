// A compositor's screen cast: how a session is asked for its picture. One implementation for each
// way to ask: KWin's and Mutter's own protocols, the desktop portal.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "capture/pipewire/node_directory.h"
#include "capture/session/cursor_mode.h"
#include "core/error.h"
#include "core/geometry.h"
#include "core/time.h"
#include "platform/linux/unique_fd.h"

namespace lumen::session {

/// What the compositor gave: where its picture is to be found.
struct CastGrant {
  pipewire::NodeSelector node;  // kind NodeId or NodeSerial
  UniqueFd remote;              // the portal's connection to PipeWire; empty: the session's daemon
  Extent size;                  // as told by the compositor; {0, 0}: not told
  Extent size_to_ask_for;       // what the receiver makes it; {0, 0}: the producer has its own size
  FrameRate most_to_ask_for;    // as the receiver's cap, where the request has no lower one
  std::string description;      // "KWin output DP-1"
  bool cursor_beside = false;   // the pointer is not in its pictures, but told (kMetadata)
};

/// What may be right a moment later: nothing there yet, or no longer.
inline bool is_passing(const Error& error) {
  return error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kDeviceLost ||
         error.kind == ErrorKind::kRetry;
}

/// A cast lives from a good open() until end(), the next open() or destruction, or until the
/// compositor ends it. One thread calls open(), end() and the destructor.
class ScreenCast {
 public:
  /// The compositor (or the user) ended it. Called once per grant, on a thread of the cast's own;
  /// never for an end that was asked for here. May not call back into the cast.
  using Ended = std::function<void(const std::string& reason)>;
  /// What a long open() waits for: "no window titled …". Called inside open(), on its thread.
  using Waiting = std::function<void(const std::string& what)>;

  virtual ~ScreenCast() = default;  // ends

  /// Asks, and blocks until there is an answer, the user has chosen, or `stop`. Errors that time
  /// may mend (no compositor yet): those of is_passing(). For good: kUnsupported (nothing
  /// here speaks this protocol, or not to us), kCancelled (the user declined, or `stop`),
  /// kInvalidArgument (no such output, unless it is waited for). Others, such as kIo: who knows.
  virtual Result<CastGrant> open(std::stop_token stop, Ended ended) = 0;
  /// Idempotent.
  virtual void end() = 0;

  /// Plain name for people, before and after the grant: "KWin output DP-1". Any thread.
  [[nodiscard]] virtual std::string describe() const = 0;

  /// As CaptureSource::has_indicator().
  [[nodiscard]] virtual bool has_indicator() const { return false; }

  /// Before open(). Whoever may wait for something other than an answer tells what it is.
  void on_waiting(Waiting waiting) { waiting_ = std::move(waiting); }

 protected:
  void tell_waiting(const std::string& what) const {
    if (waiting_) waiting_(what);
  }

 private:
  Waiting waiting_;
};

}  // namespace lumen::session
