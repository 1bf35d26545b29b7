// Host memory that the GPU writes at full speed, for encoders that read on the CPU.
#pragma once

#include <memory>

#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/frame.h"
#include "zerocopy/recycling_pool.h"

namespace lumen::cuda {

/// A bounded ring of page-locked pictures, Y'CbCr. An image comes back when its last copy is
/// dropped, on any thread, and may outlive the pool: it is then freed instead.
class PinnedPool {
 public:
  static constexpr unsigned kDefaultLimit = 8;

  static Result<std::unique_ptr<PinnedPool>> create(std::shared_ptr<const Context> context,
                                                    Fourcc format, Extent size,
                                                    unsigned limit = kDefaultLimit);
  ~PinnedPool();
  PinnedPool(const PinnedPool&) = delete;
  PinnedPool& operator=(const PinnedPool&) = delete;

  /// An image with undefined contents. The context must be current.
  /// Errors: kRetry, all images are out; kIo, out of memory; kDeviceLost.
  Result<CpuImage> acquire();

  [[nodiscard]] Fourcc format() const { return format_; }
  [[nodiscard]] Extent size() const { return size_; }
  [[nodiscard]] PoolStatus status() const;

 private:
  class Store;
  PinnedPool(std::shared_ptr<const Context> context, std::shared_ptr<Store> store, Fourcc format,
             Extent size);

  std::shared_ptr<const Context> context_;
  std::shared_ptr<Store> store_;
  Fourcc format_;
  Extent size_;
};

}  // namespace lumen::cuda
