#include "zerocopy/vulkan/copy_queue.h"

#include <array>

#include <fmt/format.h>

#include "core/log.h"
#include "zerocopy/producer_fence.h"

namespace lumen::vulkan {
namespace {

// Copy n brings the timeline to 2n + 1 and CUDA waits for 2n: see Watchdog::expect().
constexpr std::uint64_t done_value(std::uint64_t copy) { return copy == 0 ? 0 : 2 * copy + 1; }
constexpr std::uint64_t wait_value(std::uint64_t copy) { return 2 * copy; }

tl::unexpected<Error> hung(std::chrono::milliseconds patience) {
  return fail(ErrorKind::kDeviceLost,
              fmt::format("Vulkan did not finish copying a picture in {} ms", patience.count()));
}

/// Waits as long as `wait` (false: not yet) may take from when the producer is done. A kernel's
/// fence is signalled in finite time, also where the GPU behind it hangs
/// (Documentation/driver-api/dma-buf.rst).
template <typename IsLate, typename Wait>
Result<bool> wait_patiently(IsLate&& producer_is_late, Wait&& wait) {
  for (;;) {
    const bool excused = producer_is_late();
    auto done = wait();
    if (!done || *done || !excused) return done;
  }
}

}  // namespace

struct CopyQueue::Waits {
  std::array<VkSemaphore, 2> semaphores{};
  std::array<std::uint64_t, 2> values{};  // ignored for binary semaphores
  std::array<VkPipelineStageFlags, 2> stages{VK_PIPELINE_STAGE_TRANSFER_BIT,
                                             VK_PIPELINE_STAGE_TRANSFER_BIT};
  std::uint32_t count = 0;

  void add(VkSemaphore semaphore, std::uint64_t value) {
    semaphores[count] = semaphore;
    values[count] = value;
    ++count;
  }
};

Result<std::unique_ptr<CopyQueue>> CopyQueue::create(std::shared_ptr<const Device> device,
                                                     std::shared_ptr<const cuda::Context> context,
                                                     std::optional<Ordering> wanted,
                                                     std::chrono::milliseconds patience) {
  auto commands = CommandPool::create(device);
  if (!commands) return tl::unexpected(std::move(commands.error()));
  std::unique_ptr<CopyQueue> queue(
      new CopyQueue(std::move(device), std::move(context), std::move(*commands), patience));
  if (wanted != Ordering::kFence) {
    auto timelines = queue->use_timelines();
    if (timelines) return queue;
    if (wanted) return with_context("timeline semaphores", std::move(timelines.error()));
    log::area("zerocopy")
        .info("Vulkan and CUDA wait for each other on the CPU: {}", timelines.error().describe());
  }
  if (auto fence = queue->use_fence(); !fence) return tl::unexpected(std::move(fence.error()));
  return queue;
}

Result<void> CopyQueue::use_timelines() {
  auto read = Timeline::create(device_, context_);
  if (!read) return tl::unexpected(std::move(read.error()));
  auto copied = Timeline::create(device_, context_);
  if (!copied) return tl::unexpected(std::move(copied.error()));
  read_ = std::move(*read);
  copied_ = std::move(*copied);
  watchdog_.emplace(*copied_, patience_);
  return {};
}

Result<void> CopyQueue::use_fence() {
  const VkFenceCreateInfo info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  VkFence handle = VK_NULL_HANDLE;
  if (auto made = check(device_->table().vkCreateFence(device_->handle(), &info, nullptr, &handle),
                        "vkCreateFence");
      !made) {
    return made;
  }
  fence_ = DeviceObject<VkFence>(device_->handle(), handle, device_->table().vkDestroyFence);
  return {};
}

Result<void> CopyQueue::copy(const CopyCommands& commands, ExportBuffer& to,
                             UniqueFd producer_writes) {
  if (lost()) return hung(patience_);
  // The commands and the producer's semaphore may be used again only when the copy that used them
  // last is done; with two buffers in turn it is, except under a flood of frames.
  if (copied_) {
    const auto done = wait_for_copy(to.last_copy);
    if (!done) return tl::unexpected(done.error());
    if (!*done) {
      lost_ = true;
      return hung(patience_);
    }
  }
  Waits waits;
  if (auto ready = wait_for_reader(waits); !ready) return ready;
  if (auto ready = wait_for_producer(to, std::move(producer_writes), waits); !ready) return ready;
  if (auto submitted = submit(commands.handle(), waits); !submitted) return submitted;
  to.last_copy = copies_;
  if (!copied_) return wait_for_fence();
  return copied_->wait_on_stream(wait_value(copies_));
}

Result<void> CopyQueue::wait_for_reader(Waits& waits) {
  // Whoever held the buffer has queued all reading of it on the stream, or is done.
  const cuda::Driver& cuda = context_->driver();
  const CUresult state = cuda.cuStreamQuery(context_->stream());
  if (state == CUDA_SUCCESS) return {};
  if (static_cast<int>(state) != cuda::kErrorNotReady) return cuda.check(state, "cuStreamQuery");
  if (!read_) return context_->synchronize();
  if (auto queued = read_->signal_on_stream(reads_ + 1); !queued) return queued;
  ++reads_;
  waits.add(read_->handle(), reads_);
  return {};
}

Result<void> CopyQueue::wait_for_producer(const ExportBuffer& to, UniqueFd producer_writes,
                                          Waits& waits) {
  if (!producer_writes) return {};
  if (!device_->features().sync_file_import) {
    if (wait_for(producer_writes, patience_)) return {};
    return fail(ErrorKind::kRetry,
                fmt::format("the producer did not finish its picture in {} ms", patience_.count()));
  }
  const DeviceTable& table = device_->table();
  while (producer_semaphores_.size() <= to.index()) {
    const VkSemaphoreCreateInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    VkSemaphore handle = VK_NULL_HANDLE;
    if (auto made = check(table.vkCreateSemaphore(device_->handle(), &info, nullptr, &handle),
                          "vkCreateSemaphore");
        !made) {
      return made;
    }
    producer_semaphores_.emplace_back(device_->handle(), handle, table.vkDestroySemaphore);
  }
  auto kept = duplicate(producer_writes.borrow());
  if (!kept) return tl::unexpected(std::move(kept.error()));
  const VkSemaphore semaphore = producer_semaphores_[to.index()].borrow();
  const VkImportSemaphoreFdInfoKHR import{
      .sType = VK_STRUCTURE_TYPE_IMPORT_SEMAPHORE_FD_INFO_KHR,
      .semaphore = semaphore,
      .flags = VK_SEMAPHORE_IMPORT_TEMPORARY_BIT,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT,
      .fd = producer_writes.borrow()};
  if (auto imported =
          check(table.vkImportSemaphoreFdKHR(device_->handle(), &import), "vkImportSemaphoreFdKHR");
      !imported) {
    return imported;
  }
  static_cast<void>(producer_writes.release());  // Vulkan's since the import succeeded
  producer_writes_ = std::move(*kept);
  waits.add(semaphore, 0);
  return {};
}

Result<void> CopyQueue::submit(VkCommandBuffer commands, const Waits& waits) {
  const VkSemaphore signalled = copied_ ? copied_->handle() : VK_NULL_HANDLE;
  const std::uint64_t value = done_value(copies_ + 1);
  const VkTimelineSemaphoreSubmitInfo values{
      .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
      .waitSemaphoreValueCount = waits.count,
      .pWaitSemaphoreValues = waits.values.data(),
      .signalSemaphoreValueCount = copied_ ? 1U : 0U,
      .pSignalSemaphoreValues = &value};
  const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .pNext = &values,
                          .waitSemaphoreCount = waits.count,
                          .pWaitSemaphores = waits.semaphores.data(),
                          .pWaitDstStageMask = waits.stages.data(),
                          .commandBufferCount = 1,
                          .pCommandBuffers = &commands,
                          .signalSemaphoreCount = copied_ ? 1U : 0U,
                          .pSignalSemaphores = &signalled};
  if (auto submitted =
          check(device_->table().vkQueueSubmit(device_->queue(), 1, &info, fence_.borrow()),
                "vkQueueSubmit");
      !submitted) {
    return submitted;
  }
  ++copies_;
  if (!watchdog_) return {};
  UniqueFd writes;
  if (producer_is_late()) {
    // Without it the producer's time counts as ours: too impatient, and nothing worse.
    if (auto copy = duplicate(producer_writes_.borrow())) writes = std::move(*copy);
  }
  watchdog_->expect(value, std::move(writes));
  return {};
}

bool CopyQueue::producer_is_late() const {
  return producer_writes_ && !wait_for(producer_writes_, std::chrono::milliseconds(0));
}

Result<bool> CopyQueue::wait_for_copy(std::uint64_t copy) const {
  return wait_patiently([this] { return producer_is_late(); },
                        [&] { return copied_->wait(done_value(copy), patience_); });
}

Result<void> CopyQueue::wait_for_fence() {
  const VkFence fence = fence_.borrow();
  const auto timeout = static_cast<std::uint64_t>(std::chrono::nanoseconds(patience_).count());
  const auto done = wait_patiently([this] { return producer_is_late(); },
                                   [&]() -> Result<bool> {
                                     const VkResult result = device_->table().vkWaitForFences(
                                         device_->handle(), 1, &fence, VK_TRUE, timeout);
                                     if (result == VK_TIMEOUT) return false;
                                     auto waited = check(result, "vkWaitForFences");
                                     if (!waited) return tl::unexpected(std::move(waited.error()));
                                     return true;
                                   });
  if (!done) return tl::unexpected(done.error());
  if (!*done) {
    lost_ = true;
    return hung(patience_);
  }
  return check(device_->table().vkResetFences(device_->handle(), 1, &fence), "vkResetFences");
}

bool CopyQueue::drain() {
  if (!copied_) return !lost_;  // every copy was waited for
  const auto done = wait_for_copy(copies_);
  // A lost device has stopped for good (VK_ERROR_DEVICE_LOST), so nothing is in use any more.
  return !done || *done;
}

}  // namespace lumen::vulkan
