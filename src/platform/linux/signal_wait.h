// Waiting for SIGINT and SIGTERM, maybe SIGHUP, for a wake-up from another thread, or for time to
// pass.
#pragma once

#include "core/error.h"
#include "core/time.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

enum class Hangup { kLeftAlone, kWaitedFor };

/// Make it first thing in main(): it blocks these signals in this thread, and all threads started
/// later inherit that, so that only wait() ever sees them. Also ignores SIGPIPE: a reader that
/// closes our pipe is a write error, not our end.
class SignalWait {
 public:
  enum class Outcome { kSignal, kHangup, kWoken, kTimeout };

  static Result<SignalWait> create(Hangup hangup = Hangup::kLeftAlone);
  Outcome wait_until(Timestamp deadline);
  /// Any thread.
  void wake() const;

 private:
  UniqueFd signals_;
  UniqueFd wake_;
};

}  // namespace lumen
