#include "platform/clock_sleep.h"

#include <windows.h>

#include "platform/unique_handle.h"

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x00000002
#endif

namespace lumen {
namespace {

struct TimerTraits {
  using type = HANDLE;
  static HANDLE empty() { return nullptr; }
  static void close(HANDLE timer) { ::CloseHandle(timer); }
};

}  // namespace

void sleep_until(Timestamp deadline) {
  // Waitable timers know no absolute time on the monotonic clock: the rest is taken anew until none
  // is left. High resolution (about 0.5 ms) exists since Windows 10 1803.
  thread_local const auto timer = UniqueHandle<TimerTraits>::take(::CreateWaitableTimerExW(
      nullptr, nullptr, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, TIMER_ALL_ACCESS));
  for (Nanoseconds rest = deadline - now(); rest > Nanoseconds{0}; rest = deadline - now()) {
    LARGE_INTEGER due{};
    due.QuadPart = -((rest.count() + 99) / 100);  // in 100 ns; negative: from now
    if (!timer || ::SetWaitableTimer(timer.borrow(), &due, 0, nullptr, nullptr, FALSE) == 0 ||
        ::WaitForSingleObject(timer.borrow(), INFINITE) != WAIT_OBJECT_0) {
      ::Sleep(static_cast<DWORD>((rest.count() + 999'999) / 1'000'000));
    }
  }
}

}  // namespace lumen
