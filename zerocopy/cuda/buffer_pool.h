// Encoder input in GPU memory that is used again and again: nothing is allocated per frame.
#pragma once

#include <memory>

#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/frame.h"
#include "zerocopy/recycling_pool.h"

namespace lumen::cuda {

/// A bounded pool of pitched buffers of one format and size. A buffer comes back when its last
/// CudaBuffer is dropped, on any thread, and may outlive the pool: it is then freed instead.
class BufferPool {
 public:
  /// Eight in an encoder, the last one for repeats, the next one, and slack. FFmpeg's NVENC keeps
  /// 64 registrations.
  static constexpr unsigned kDefaultLimit = 12;

  /// Y'CbCr or packed RGB; sides up to kMaxSide, even for Y'CbCr. Allocates nothing yet.
  static Result<std::unique_ptr<BufferPool>> create(std::shared_ptr<const Context> context,
                                                    Fourcc format, Extent size,
                                                    unsigned limit = kDefaultLimit);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A buffer with undefined contents. The context must be current.
  /// Errors: kRetry, all buffers are out; kIo, out of GPU memory; kDeviceLost.
  Result<CudaBuffer> acquire();

  [[nodiscard]] Fourcc format() const { return format_; }
  [[nodiscard]] Extent size() const { return size_; }
  [[nodiscard]] PoolStatus status() const;

 private:
  class Store;
  BufferPool(std::shared_ptr<const Context> context, std::shared_ptr<Store> store, Fourcc format,
             Extent size);

  std::shared_ptr<const Context> context_;
  std::shared_ptr<Store> store_;
  Fourcc format_;
  Extent size_;
};

}  // namespace lumen::cuda
