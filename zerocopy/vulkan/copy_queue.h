// Submits copies and orders them with CUDA's stream, in both directions: CUDA reads a copy after it
// was made, and a copy overwrites what CUDA has read.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "platform/linux/unique_fd.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/vulkan/copy_commands.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/timeline.h"
#include "zerocopy/vulkan/watchdog.h"

namespace lumen::vulkan {

/// How Vulkan and CUDA wait for each other.
enum class Ordering {
  kTimeline,  // on the GPU
  kFence,     // on the CPU
};

/// Encode thread, with the CUDA context current. drain() before it is destroyed.
class CopyQueue {
 public:
  /// `wanted` empty: timelines where both drivers have them, else fences, with the reason logged.
  /// `patience`: how long a copy may take, once its picture is drawn, before the device counts as
  /// lost.
  static Result<std::unique_ptr<CopyQueue>> create(std::shared_ptr<const Device> device,
                                                   std::shared_ptr<const cuda::Context> context,
                                                   std::optional<Ordering> wanted,
                                                   std::chrono::milliseconds patience);
  CopyQueue(const CopyQueue&) = delete;

  [[nodiscard]] Ordering ordering() const {
    return copied_ ? Ordering::kTimeline : Ordering::kFence;
  }
  [[nodiscard]] Result<CopyCommands> record(const ImportedPicture& from,
                                            const ExportBuffer& to) const {
    return commands_.record_copy(from, to);
  }

  /// CUDA work queued after this reads the copy. Begins after `producer_writes` (a sync_file, or
  /// empty). Nothing is allocated. Errors: kDeviceLost; kRetry, the producer does not finish.
  Result<void> copy(const CopyCommands& commands, ExportBuffer& to, UniqueFd producer_writes);

  /// Waits until every copy is done. False: the GPU hangs and still uses what was handed to it;
  /// leave all that alone.
  [[nodiscard]] bool drain();

  /// True once a copy took longer than `patience`.
  [[nodiscard]] bool lost() const { return lost_ || (watchdog_ && watchdog_->tripped()); }

 private:
  CopyQueue(std::shared_ptr<const Device> device, std::shared_ptr<const cuda::Context> context,
            CommandPool commands, std::chrono::milliseconds patience)
      : device_(std::move(device)),
        context_(std::move(context)),
        commands_(std::move(commands)),
        patience_(patience) {}

  struct Waits;  // what a submission waits for
  Result<void> wait_for_producer(const ExportBuffer& to, UniqueFd producer_writes, Waits& waits);
  Result<void> wait_for_reader(Waits& waits);
  Result<void> submit(VkCommandBuffer commands, const Waits& waits);
  Result<void> wait_for_fence();
  [[nodiscard]] Result<bool> wait_for_copy(std::uint64_t copy) const;  // false: hung
  [[nodiscard]] bool producer_is_late() const;
  Result<void> use_timelines();
  Result<void> use_fence();

  std::shared_ptr<const Device> device_;
  std::shared_ptr<const cuda::Context> context_;
  CommandPool commands_;
  std::chrono::milliseconds patience_;
  std::uint64_t copies_ = 0;
  std::uint64_t reads_ = 0;
  bool lost_ = false;
  UniqueFd producer_writes_;  // the last that Vulkan was given to wait for

  // By the index of the buffer that is written: a producer's fence is waited for through one.
  std::vector<DeviceObject<VkSemaphore>> producer_semaphores_;
  DeviceObject<VkFence> fence_;       // kFence
  std::unique_ptr<Timeline> read_;    // kTimeline: CUDA counts what it has read
  std::unique_ptr<Timeline> copied_;  // kTimeline: Vulkan counts copies, see done_value()
  std::optional<Watchdog> watchdog_;  // of copied_
};

}  // namespace lumen::vulkan
