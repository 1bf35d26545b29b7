// Brings pictures from GPU memory to the CPU.
#pragma once

#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/frame.h"

namespace lumen::cuda {

/// Queues the copies of all planes on the context's stream; `image` has the buffer's format. The
/// context must be current. After an error wait for the stream before the image is used again.
Result<void> queue_download(const Context& context, const CudaBuffer& buffer, Extent size,
                            const CpuImage& image);

/// Into memory of its own, and waits for it. For single frames.
Result<CpuImage> download(const CudaBuffer& buffer, Extent size);

}  // namespace lumen::cuda
