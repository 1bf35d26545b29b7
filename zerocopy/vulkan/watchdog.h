// Frees CUDA from waiting for a Vulkan copy that never ends: CUDA's wait has no timeout, and an
// encoder stuck in it could not even be stopped.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>

#include "platform/linux/unique_fd.h"
#include "zerocopy/vulkan/timeline.h"

namespace lumen::vulkan {

/// Its own thread looks at the timeline a few times a second while something is expected, and
/// sleeps otherwise. expect() belongs to the encode thread, tripped() to any.
class Watchdog {
 public:
  /// `patience`: how long the timeline may stand still with work outstanding. `timeline` must
  /// outlive the watchdog.
  Watchdog(const Timeline& timeline, std::chrono::milliseconds patience);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;

  /// The GPU will bring the timeline to `value`; CUDA waits for `value` - 1. The gap keeps the
  /// host's signal legal, which must stay below any value that the GPU has yet to signal
  /// (VUID-VkSemaphoreSignalInfo-value-03259).
  /// The time until `producer_writes` (a sync_file that the GPU waits for first; empty: none) is
  /// signalled does not count.
  void expect(std::uint64_t value, UniqueFd producer_writes = {});

  /// True once the timeline was moved by the watchdog: the device is to be given up.
  [[nodiscard]] bool tripped() const { return tripped_.load(std::memory_order_acquire); }

 private:
  void run(const std::stop_token& stop);

  const Timeline& timeline_;
  std::chrono::milliseconds patience_;
  std::atomic<bool> tripped_ = false;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t expected_ = 0;  // under mutex_
  UniqueFd producer_writes_;    // under mutex_
  bool asleep_ = false;         // under mutex_
  std::jthread thread_;         // last: uses all of the above
};

}  // namespace lumen::vulkan
