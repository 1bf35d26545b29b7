// A Vulkan timeline semaphore that CUDA knows too, so that neither API's CPU side waits for the
// other's GPU work.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/error.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/device_object.h"

namespace lumen::vulkan {

/// Starts at 0. value(), wait() and signal_from_host() may be called on any thread, the stream
/// functions with the context current. At the end nothing may wait for it any more: destroying a
/// semaphore under a pending wait is illegal, and CUDA's wait has no timeout (hence Watchdog).
class Timeline {
 public:
  /// kUnsupported where Vulkan or CUDA has no shared timelines: use fences.
  static Result<std::unique_ptr<Timeline>> create(std::shared_ptr<const Device> device,
                                                  std::shared_ptr<const cuda::Context> context);
  Timeline(const Timeline&) = delete;
  ~Timeline();

  [[nodiscard]] VkSemaphore handle() const { return semaphore_.borrow(); }

  /// The stream's work after this runs when the timeline has reached `value`.
  [[nodiscard]] Result<void> wait_on_stream(std::uint64_t value) const;
  /// The timeline reaches `value` when the stream's work before this is done.
  [[nodiscard]] Result<void> signal_on_stream(std::uint64_t value) const;

  /// Errors: kDeviceLost.
  [[nodiscard]] Result<std::uint64_t> value() const;
  /// Waits on the CPU; false after `timeout`. Errors: kDeviceLost.
  [[nodiscard]] Result<bool> wait(std::uint64_t value, std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<void> signal_from_host(std::uint64_t value) const;

 private:
  Timeline(std::shared_ptr<const Device> device, std::shared_ptr<const cuda::Context> context)
      : device_(std::move(device)), context_(std::move(context)) {}

  std::shared_ptr<const Device> device_;
  std::shared_ptr<const cuda::Context> context_;
  DeviceObject<VkSemaphore> semaphore_;
  CUexternalSemaphore imported_ = nullptr;
};

}  // namespace lumen::vulkan
