// Buffers that Vulkan writes and CUDA reads as its own memory: what a picture is copied into.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/error.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/vulkan/cuda_mapping.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/memory.h"

namespace lumen::vulkan {

/// One buffer of the pool. Keeps the device and the CUDA context alive, so it may outlive the pool
/// and end on any thread.
class ExportBuffer {
 public:
  static Result<std::shared_ptr<ExportBuffer>> create(std::shared_ptr<const Device> device,
                                                      std::shared_ptr<const cuda::Context> context,
                                                      std::uint64_t bytes, unsigned index);

  [[nodiscard]] unsigned index() const { return index_; }  // in its pool
  [[nodiscard]] VkBuffer buffer() const { return buffer_.borrow(); }
  [[nodiscard]] CUdeviceptr address() const { return mapping_.address(); }

  /// The copy that last wrote the buffer, in CopyQueue's count; 0: none yet.
  std::uint64_t last_copy = 0;

 private:
  ExportBuffer(std::shared_ptr<const Device> device, unsigned index)
      : device_(std::move(device)), index_(index) {}

  std::shared_ptr<const Device> device_;
  unsigned index_;
  Memory memory_;
  Buffer buffer_;
  CudaMapping mapping_;
};

/// A bounded number of buffers of one size, used in turn. A buffer is out for as long as anybody
/// but the pool holds it. One thread; the buffers may be dropped on any.
class ExportPool {
 public:
  ExportPool(std::shared_ptr<const Device> device, std::shared_ptr<const cuda::Context> context,
             std::uint64_t bytes, unsigned limit)
      : device_(std::move(device)), context_(std::move(context)), bytes_(bytes), limit_(limit) {}

  /// A buffer that nobody holds; what CUDA still has queued may read it. Makes one where all are
  /// out and the limit allows. Errors: kRetry, all are out; else why the first one can't be made.
  Result<std::shared_ptr<ExportBuffer>> acquire();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return buffers_.size(); }

 private:
  std::shared_ptr<const Device> device_;
  std::shared_ptr<const cuda::Context> context_;
  std::uint64_t bytes_;
  unsigned limit_;
  std::vector<std::shared_ptr<ExportBuffer>> buffers_;
  std::size_t next_ = 0;
};

}  // namespace lumen::vulkan
