// Exported Vulkan memory where CUDA sees it as plain device memory.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/error.h"
#include "platform/linux/unique_fd.h"
#include "zerocopy/cuda/context.h"

namespace lumen::vulkan {

/// Unmapped at the end, on any thread; no CUDA work may still use it then.
class CudaMapping {
 public:
  CudaMapping() = default;
  /// `fd` is an OPAQUE_FD export of a dedicated allocation of `size` bytes; CUDA takes it over on
  /// success. The context must be current. Errors: as cuda::Driver::check().
  static Result<CudaMapping> create(std::shared_ptr<const cuda::Context> context, UniqueFd fd,
                                    std::uint64_t size);
  CudaMapping(CudaMapping&& other) noexcept;
  CudaMapping& operator=(CudaMapping&& other) noexcept;
  ~CudaMapping();

  [[nodiscard]] CUdeviceptr address() const { return address_; }

 private:
  std::shared_ptr<const cuda::Context> context_;
  CUexternalMemory memory_ = nullptr;
  CUdeviceptr address_ = 0;
};

}  // namespace lumen::vulkan
