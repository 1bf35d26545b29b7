#include "loop_timer.h"

#include <algorithm>
#include <utility>

namespace lumen::producer {

LoopTimer::LoopTimer(pw_loop* loop, std::function<void()> expired)
    : loop_(loop),
      expired_(std::move(expired)),
      source_(pw_loop_add_timer(
          loop, [](void* self, std::uint64_t) { static_cast<LoopTimer*>(self)->expired_(); },
          this)) {}

LoopTimer::~LoopTimer() {
  if (source_ != nullptr) pw_loop_destroy_source(loop_, source_);
}

void LoopTimer::arm(Timestamp when) {
  // A timerfd set to 0 is disarmed; the past expires at once.
  const auto at = std::max<Nanoseconds::rep>(when.time_since_epoch().count(), 1);
  const timespec value{at / 1'000'000'000, at % 1'000'000'000};
  const timespec once{};
  if (source_ != nullptr) {
    pw_loop_update_timer(loop_, source_, const_cast<timespec*>(&value),
                         const_cast<timespec*>(&once), true);
  }
}

void LoopTimer::disarm() {
  if (source_ != nullptr) pw_loop_update_timer(loop_, source_, nullptr, nullptr, false);
}

}  // namespace lumen::producer
