// Waiting for what the producer's GPU still draws: the acquire point that a picture brings
// (explicit sync) or, where it brings none, the write fences that the kernel keeps with its dmabufs
// (implicit sync). EGL, Vulkan and CUDA look at neither by themselves, and NVIDIA's driver ignores
// fences that others attach to a dmabuf.
//
// Fences of a dmabuf can be asked for since Linux 6.0 (DMA_BUF_IOCTL_EXPORT_SYNC_FILE); an older
// kernel, or memory that is no dmabuf, knows none: there is nothing to wait for.
//
// kRetry in what follows: not done within `limit`, a point that can't be waited for, or out of
// descriptors; skip the frame. kFormatRejected: the kernel refuses this dmabuf.
#pragma once

#include <chrono>
#include <string_view>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

/// On the CPU, for the acquire point alone: mapped memory has DMA_BUF_IOCTL_SYNC for its fences.
Result<void> wait_until_acquired(const CapturedFrame& frame, std::chrono::milliseconds limit);

/// On the CPU, for the point or the fences.
Result<void> wait_for_producer(const CapturedFrame& frame, const DmaBufImage& image,
                               std::chrono::milliseconds limit);

/// A sync_file for the GPU to wait for; empty where there is nothing to wait for any more. Blocks
/// until the work of an acquire point is submitted and, where planes lie in several dmabufs, until
/// all but the first are written.
Result<UniqueFd> producer_fence(const CapturedFrame& frame, const DmaBufImage& image,
                                std::chrono::milliseconds limit);

/// On the CPU; false where the sync_file is not signalled after `limit`.
bool wait_for(const UniqueFd& sync_file, std::chrono::milliseconds limit);

/// Says once in the log who waits for a stream's acquire points. One thread.
class AcquireNotice {
 public:
  /// `who` as in "Vulkan".
  void frame_came(const CapturedFrame& frame, std::string_view who);

 private:
  bool said_ = false;
};

}  // namespace lumen
