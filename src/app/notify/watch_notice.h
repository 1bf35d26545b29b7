// Tells the user that the session is being watched: a desktop notification that stays as long as
// there is a viewer (org.freedesktop.Notifications, Desktop Notifications Specification 1.2).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

#include "core/time.h"

namespace lumen {

struct WatchNoticeSettings {
  /// A page that is loaded anew is no end.
  Nanoseconds patience = std::chrono::seconds{2};
};

/// A desktop without notifications, or without a bus, is no error: then nothing is shown.
class WatchNotice {
 public:
  explicit WatchNotice(WatchNoticeSettings settings = {});
  WatchNotice(const WatchNotice&) = delete;
  /// Takes the notice back. Waits for the bus, two seconds at most.
  ~WatchNotice();

  /// Any thread; never waits.
  void set_viewers(std::size_t count);

 private:
  void run(const std::stop_token& stop);

  const WatchNoticeSettings settings_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::size_t viewers_ = 0;  // under mutex_
  std::jthread thread_;
};

}  // namespace lumen
