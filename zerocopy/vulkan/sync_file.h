// The fences that the kernel keeps with a dmabuf (implicit synchronization): Vulkan and CUDA do not
// look at them by themselves.
#pragma once

#include <chrono>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::vulkan {

/// The producer's unfinished writes to this dmabuf as a sync_file; empty where all are done, or
/// where the kernel (before 6.0) or the exporter keeps none. kRetry: out of file descriptors.
Result<UniqueFd> pending_writes(int dmabuf);

/// Waits on the CPU until the sync_file is signalled; false after `timeout`.
bool wait_for(const UniqueFd& sync_file, std::chrono::milliseconds timeout);

}  // namespace lumen::vulkan
