// Encoder input in host memory that is used again and again: no allocation of pixels per frame.
#pragma once

#include <cstddef>
#include <memory>

#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/frame.h"
#include "zerocopy/recycling_pool.h"

namespace lumen::cpu {

/// A bounded pool of images of one format and size. Images come back when their last CpuImage is
/// dropped, on any thread, and may outlive the pool: they are then freed instead.
class ImagePool {
 public:
  /// Enough for an encoder that holds a few frames and a frame in the making.
  static constexpr unsigned kDefaultLimit = 8;
  /// Start of every plane and every pitch, in bytes: a cache line, and the widest vector.
  static constexpr std::size_t kAlignment = 64;

  /// `format` is Y'CbCr, `size` has even sides up to kMaxSide. Allocates nothing yet.
  static Result<std::unique_ptr<ImagePool>> create(Fourcc format, Extent size,
                                                   unsigned limit = kDefaultLimit);
  ~ImagePool();
  ImagePool(const ImagePool&) = delete;
  ImagePool& operator=(const ImagePool&) = delete;

  /// An image with undefined contents. Any thread.
  /// Errors: kRetry, all images are out; kIo, out of memory.
  Result<CpuImage> acquire();

  [[nodiscard]] Fourcc format() const { return layout_.format; }
  [[nodiscard]] Extent size() const { return size_; }
  [[nodiscard]] PoolStatus status() const;

 private:
  class Store;
  ImagePool(std::shared_ptr<Store> store, CpuImage layout, Extent size);

  std::shared_ptr<Store> store_;
  CpuImage layout_;  // format and pitches; no memory
  Extent size_;
};

}  // namespace lumen::cpu
