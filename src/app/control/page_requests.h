// What the web page may have done to the host: little, and never while the page waits for it.
#pragma once

#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "app/control/host_control.h"

namespace lumen::control {

/// Requests as request.h has them, but only those that neither end the page nor write anything:
/// set (the bit rate), key-frame, start, stop.
class PageRequests {
 public:
  /// `wake` is called from any thread when there is something to run().
  explicit PageRequests(std::function<void()> wake) : wake_(std::move(wake)) {}

  /// Any thread; never waits. kInvalidArgument: it is no request. kUnsupported: it is not for
  /// pages. kRetry: too many wait.
  Result<void> take(std::string_view text);

  /// Does what was asked for, in order; the log says what fails. One thread.
  void run(HostControl& host);

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<Request> requests_;
};

}  // namespace lumen::control
