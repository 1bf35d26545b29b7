// Explicit sync: waiting until a captured picture is there. An importer that finds a frame with an
// acquire point waits for that and for nothing else; without one, implicit fences count.
#pragma once

#include <chrono>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

/// On the CPU; at once for a frame without an acquire point. kRetry: not signalled within `limit`,
/// or the point can't be waited for; skip the frame.
Result<void> wait_until_acquired(const CapturedFrame& frame, std::chrono::milliseconds limit);

/// A sync_file for the GPU to wait for; empty where there is nothing to wait for any more. Blocks
/// only until the producer has submitted its drawing. kRetry as above.
Result<UniqueFd> acquire_fence(const CapturedFrame& frame, std::chrono::milliseconds limit);

}  // namespace lumen
