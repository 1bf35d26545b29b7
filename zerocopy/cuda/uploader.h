// Brings pictures from host memory into pooled GPU memory, for encoders that read that only while
// the frames come from a CPU route.
#pragma once

#include <memory>

#include "core/error.h"
#include "zerocopy/cuda/buffer_pool.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/frame.h"

namespace lumen::cuda {

/// One thread.
class Uploader {
 public:
  explicit Uploader(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  /// Queues the copy on the context's stream; the image may be used again when this returns. The
  /// context must be current.
  /// Errors: as BufferPool::acquire().
  Result<CudaBuffer> upload(const CpuImage& image, Extent size);

 private:
  std::shared_ptr<const Context> context_;
  std::unique_ptr<BufferPool> pool_;  // made for the first picture, and for other sizes and formats
};

}  // namespace lumen::cuda
