#include "platform/linux/stop_fd.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace lumen {

Result<std::unique_ptr<StopFd>> StopFd::create(std::stop_token stop) {
  UniqueFd event = UniqueFd::take(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail_errno(ErrorKind::kIo, "an eventfd can't be made", errno);
  return std::unique_ptr<StopFd>(new StopFd(std::move(stop), std::move(event)));
}

StopFd::StopFd(std::stop_token stop, UniqueFd event)
    : event_(std::move(event)),
      callback_(std::move(stop), [fd = event_.borrow()] { ::eventfd_write(fd, 1); }) {}

Readiness StopFd::wait(int fd, short events, Timestamp deadline) const {
  std::array<pollfd, 2> fds = {pollfd{event_.borrow(), POLLIN, 0}, pollfd{fd, events, 0}};
  for (;;) {
    int timeout = -1;
    if (deadline != kNoTimestamp) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
      timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
    }
    const int ready = ::poll(fds.data(), fds.size(), timeout);
    if (fds[0].revents != 0 && ready > 0) return Readiness::kStopped;
    if (ready > 0) return Readiness::kReadable;
    if (ready == 0 && (deadline != kNoTimestamp && now() >= deadline)) return Readiness::kTimeout;
    if (ready < 0 && errno != EINTR)
      return Readiness::kReadable;  // the next read says what is wrong
  }
}

}  // namespace lumen
