// A stop token that poll() can wait for.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "core/error.h"
#include "core/time.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

enum class Readiness { kReadable, kTimeout, kStopped };

class StopFd {
 public:
  /// kIo where the process has no descriptors left.
  static Result<std::unique_ptr<StopFd>> create(std::stop_token stop);
  StopFd(const StopFd&) = delete;

  /// Readable from the moment of the request to stop on, for good.
  [[nodiscard]] int borrow() const { return event_.borrow(); }

  /// Waits until `fd` has one of poll()'s `events` (an error or a hang-up counts as one), the
  /// deadline or the request to stop, which comes first where it is there. kNoTimestamp: no
  /// deadline.
  [[nodiscard]] Readiness wait(int fd, short events, Timestamp deadline = kNoTimestamp) const;

 private:
  StopFd(std::stop_token stop, UniqueFd event);

  UniqueFd event_;
  std::stop_callback<std::function<void()>> callback_;
};

}  // namespace lumen
