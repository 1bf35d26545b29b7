// Implicit synchronization of dmabufs: waiting for what the producer's GPU still writes.
#pragma once

#include <chrono>

#include "capture/captured_frame.h"
#include "core/error.h"

namespace lumen::egl {

/// Returns when every write fence of the image's dmabufs has signalled, on the CPU. Neither EGL nor
/// CUDA does it: NVIDIA's driver ignores fences that others attach to a dmabuf, and the first copy
/// after a registration was seen to read the picture before.
///
/// DMA_BUF_IOCTL_EXPORT_SYNC_FILE is there since Linux 6.0; an older kernel, or memory that is no
/// dmabuf, answers ENOTTY: nothing to wait for that could be known.
/// Errors: kRetry, still busy after `limit` or out of descriptors; kFormatRejected, the kernel
/// refused.
Result<void> wait_for_producer(const DmaBufImage& image, std::chrono::milliseconds limit);

}  // namespace lumen::egl
