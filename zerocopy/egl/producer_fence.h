// Waiting for what the producer's GPU still writes: its acquire point (explicit sync), or the
// fences that the kernel keeps with a dmabuf (implicit).
#pragma once

#include <chrono>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/egl/display.h"

namespace lumen::egl {

/// Returns when the frame's acquire point or, where it has none, every write fence of its dmabufs
/// has signalled, on the CPU. Neither EGL nor
/// CUDA does it: NVIDIA's driver ignores fences that others attach to a dmabuf, and the first copy
/// after a registration was seen to read the picture before.
///
/// DMA_BUF_IOCTL_EXPORT_SYNC_FILE is there since Linux 6.0; an older kernel, or memory that is no
/// dmabuf, answers ENOTTY: nothing to wait for that could be known.
/// Errors: kRetry, still busy after `limit` or out of descriptors; kFormatRejected, the kernel
/// refused.
Result<void> wait_for_producer(const CapturedFrame& frame, const DmaBufImage& image,
                               std::chrono::milliseconds limit);

/// The same for what GL does next in the current context: GL waits for an acquire point by itself
/// where the display takes sync_files. All else is waited for on the CPU.
Result<void> queue_wait_for_producer(const Display& display, const CapturedFrame& frame,
                                     const DmaBufImage& image, std::chrono::milliseconds limit);

}  // namespace lumen::egl
