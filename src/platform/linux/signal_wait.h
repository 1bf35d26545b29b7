// Waiting for SIGINT and SIGTERM, for a wake-up from another thread, or for time to pass.
#pragma once

#include "core/error.h"
#include "core/time.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

/// Make it first thing in main(): it blocks the two signals in this thread, and all threads started
/// later inherit that, so that only wait() ever sees them. Also ignores SIGPIPE: a reader that
/// closes our pipe is a write error, not our end.
class SignalWait {
 public:
  enum class Outcome { kSignal, kWoken, kTimeout };

  static Result<SignalWait> create();
  Outcome wait_until(Timestamp deadline);
  /// Any thread.
  void wake() const;

 private:
  UniqueFd signals_;
  UniqueFd wake_;
};

}  // namespace lumen
