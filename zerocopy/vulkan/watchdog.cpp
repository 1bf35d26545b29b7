#include "zerocopy/vulkan/watchdog.h"

#include <utility>

#include "core/log.h"
#include "zerocopy/producer_fence.h"

namespace lumen::vulkan {
namespace {

constexpr int kLooksPerPatience = 8;

}  // namespace

Watchdog::Watchdog(const Timeline& timeline, std::chrono::milliseconds patience)
    : timeline_(timeline),
      patience_(patience),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Watchdog::~Watchdog() = default;  // std::jthread asks run() to stop and joins

void Watchdog::expect(std::uint64_t value, UniqueFd producer_writes) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    expected_ = value;
    if (producer_writes) producer_writes_ = std::move(producer_writes);
    wake = asleep_;
  }
  if (wake) changed_.notify_one();
}

void Watchdog::run(const std::stop_token& stop) {
  using Clock = std::chrono::steady_clock;
  std::unique_lock lock(mutex_);
  std::uint64_t seen = 0;
  Clock::time_point moved = Clock::now();
  while (!stop.stop_requested()) {
    const auto value = timeline_.value();
    if (value && *value >= expected_) {
      asleep_ = true;
      changed_.wait(lock, stop, [&] { return expected_ > *value; });
      asleep_ = false;
      moved = Clock::now();
      continue;
    }
    if (value && *value != seen) {
      seen = *value;
      moved = Clock::now();
    }
    if (producer_writes_ && !wait_for(producer_writes_, std::chrono::milliseconds(0))) {
      moved = Clock::now();
    }
    if (!value || Clock::now() - moved >= patience_) {
      tripped_.store(true, std::memory_order_release);
      if (auto signalled = timeline_.signal_from_host(expected_ - 1); !signalled) {
        log::area("zerocopy").warn("CUDA may hang: {}", signalled.error().describe());
      }
      return;
    }
    changed_.wait_for(lock, stop, patience_ / kLooksPerPatience, [] { return false; });
  }
}

}  // namespace lumen::vulkan
