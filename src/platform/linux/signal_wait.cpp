#include "platform/linux/signal_wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace lumen {

Result<SignalWait> SignalWait::create(Hangup hangup) {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (hangup == Hangup::kWaitedFor) sigaddset(&set, SIGHUP);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return fail_errno(ErrorKind::kIo, "signals can't be blocked", error);
  }
  SignalWait self;
  self.signals_ = UniqueFd::take(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  self.wake_ = UniqueFd::take(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!self.signals_ || !self.wake_) {
    return fail_errno(ErrorKind::kIo, "signals can't be received", errno);
  }
  return self;
}

SignalWait::Outcome SignalWait::wait_until(Timestamp deadline) {
  std::array<pollfd, 2> fds = {pollfd{signals_.borrow(), POLLIN, 0},
                               pollfd{wake_.borrow(), POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
    const int ready = ::poll(fds.data(), fds.size(), timeout);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Outcome::kTimeout;
    if ((fds[0].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (::read(signals_.borrow(), &info, sizeof(info)) > 0) {
        return info.ssi_signo == SIGHUP ? Outcome::kHangup : Outcome::kSignal;
      }
    }
    std::uint64_t count = 0;
    if (::read(wake_.borrow(), &count, sizeof(count)) > 0) return Outcome::kWoken;
  }
}

void SignalWait::wake() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the waiter is awake anyway.
  [[maybe_unused]] const auto written = ::write(wake_.borrow(), &one, sizeof(one));
}

}  // namespace lumen
