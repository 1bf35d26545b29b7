// Draws the pointer on pictures in GPU memory.
#pragma once

#include <memory>
#include <optional>

#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cuda/buffer_pool.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/cursor_overlay.h"
#include "zerocopy/frame.h"

namespace lumen::cuda {

/// One thread. Every call makes the context current by itself; so does the destructor.
class CursorPainter {
 public:
  /// Compiles the PTX for this GPU (the driver caches the result on disk).
  static Result<std::unique_ptr<CursorPainter>> create(std::shared_ptr<const Context> context);
  CursorPainter(const CursorPainter&) = delete;
  ~CursorPainter();

  /// Queues the making of a pooled copy of `clean` with the overlay on it.
  /// Errors: as BufferPool::acquire() and Driver::check().
  Result<CudaBuffer> paint(const CudaBuffer& clean, Extent size, const CursorOverlay& overlay);
  /// The same of a picture where its producer drew it. Waits, because the producer may draw again
  /// as soon as the caller drops it.
  Result<CudaBuffer> paint(const CudaArray& clean, Extent size, const CursorOverlay& overlay);

  /// Samples may have changed since the last paint(): they are uploaded again.
  void overlay_changed() { uploaded_ = false; }

  [[nodiscard]] const std::shared_ptr<const Context>& context() const { return context_; }

 private:
  explicit CursorPainter(std::shared_ptr<const Context> context) : context_(std::move(context)) {}

  Result<CudaBuffer> acquire(Fourcc format, Extent size);
  Result<void> blend(const CudaBuffer& buffer, const CursorOverlay& overlay);
  Result<void> upload(const CursorOverlay& overlay);
  Result<void> reserve(std::size_t bytes);

  std::shared_ptr<const Context> context_;
  CUmodule module_ = nullptr;
  CUfunction blend_ = nullptr;
  CUfunction blend_ten_ = nullptr;
  std::unique_ptr<BufferPool> pool_;  // made for the first picture, and for other sizes and formats
  CUdeviceptr samples_ = 0;           // the overlay's channels one behind the other
  std::size_t samples_bytes_ = 0;
  bool uploaded_ = false;
};

}  // namespace lumen::cuda
