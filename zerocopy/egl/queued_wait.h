// Letting GL wait for the producer's GPU.
#pragma once

#include <chrono>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/egl/display.h"

namespace lumen::egl {

/// What GL does next in the current context comes after what producer_fence() says: GL waits where
/// the display takes sync_files, the CPU elsewhere. Errors: producer_fence()'s.
Result<void> queue_wait_for_producer(const Display& display, const CapturedFrame& frame,
                                     const DmaBufImage& image, std::chrono::milliseconds limit);

}  // namespace lumen::egl
