// A compositor's screen cast: how a session is asked for its picture. One implementation for each
// way to ask: KWin's and Mutter's own protocols, the desktop portal.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "capture/pipewire/node_directory.h"
#include "core/error.h"
#include "core/geometry.h"
#include "platform/linux/unique_fd.h"

namespace lumen::session {

/// What the compositor gave: where its picture is to be found.
struct CastGrant {
  pipewire::NodeSelector node;  // kind NodeId or NodeSerial
  UniqueFd remote;              // the portal's connection to PipeWire; empty: the session's daemon
  Extent size;                  // as told by the compositor; {0, 0}: not told
  std::string description;      // "KWin output DP-1"
};

/// A cast lives from a good open() until end(), the next open() or destruction, or until the
/// compositor ends it. One thread calls open(), end() and the destructor.
class ScreenCast {
 public:
  /// The compositor (or the user) ended it. Called once per grant, on a thread of the cast's own;
  /// never for an end that was asked for here. May not call back into the cast.
  using Ended = std::function<void(const std::string& reason)>;

  virtual ~ScreenCast() = default;  // ends

  /// Asks, and blocks until there is an answer, the user has chosen, or `stop`. Errors that time
  /// may mend (no compositor yet): kNotFound, kDeviceLost. For good: kUnsupported (nothing here
  /// speaks this protocol), kCancelled (the user declined), kInvalidArgument (no such output).
  virtual Result<CastGrant> open(std::stop_token stop, Ended ended) = 0;
  /// Idempotent.
  virtual void end() = 0;

  /// Plain name for people, before and after the grant: "KWin output DP-1".
  [[nodiscard]] virtual std::string describe() const = 0;
};

}  // namespace lumen::session
