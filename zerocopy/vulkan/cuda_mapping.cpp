#include "zerocopy/vulkan/cuda_mapping.h"

namespace lumen::vulkan {

Result<CudaMapping> CudaMapping::create(std::shared_ptr<const cuda::Context> context, UniqueFd fd,
                                        std::uint64_t size) {
  const cuda::Driver& driver = context->driver();
  if (driver.cuImportExternalMemory == nullptr || driver.cuDestroyExternalMemory == nullptr ||
      driver.cuExternalMemoryGetMappedBuffer == nullptr) {
    return fail(ErrorKind::kUnsupported, "this CUDA driver can't import external memory",
                "update the NVIDIA driver");
  }
  CUDA_EXTERNAL_MEMORY_HANDLE_DESC handle{};
  handle.type = CU_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD;
  handle.handle.fd = fd.borrow();
  handle.size = size;
  handle.flags = cuda::kExternalMemoryDedicated;
  CudaMapping mapping;
  if (auto imported = driver.check(driver.cuImportExternalMemory(&mapping.memory_, &handle),
                                   "cuImportExternalMemory");
      !imported) {
    return tl::unexpected(std::move(imported.error()));
  }
  static_cast<void>(fd.release());
  mapping.context_ = std::move(context);
  CUDA_EXTERNAL_MEMORY_BUFFER_DESC range{};
  range.size = size;
  if (auto mapped = driver.check(
          driver.cuExternalMemoryGetMappedBuffer(&mapping.address_, mapping.memory_, &range),
          "cuExternalMemoryGetMappedBuffer");
      !mapped) {
    return tl::unexpected(std::move(mapped.error()));
  }
  return mapping;
}

CudaMapping::CudaMapping(CudaMapping&& other) noexcept
    : context_(std::move(other.context_)),
      memory_(std::exchange(other.memory_, nullptr)),
      address_(std::exchange(other.address_, 0)) {}

CudaMapping& CudaMapping::operator=(CudaMapping&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(memory_, other.memory_);
  std::swap(address_, other.address_);
  return *this;
}

CudaMapping::~CudaMapping() {
  if (memory_ == nullptr) return;
  // Where this fails the context is dead and its memory gone with it, or it is current here
  // already: the calls below then fail, or free what there is.
  const auto current = context_->make_current();
  const cuda::Driver& driver = context_->driver();
  // cuda.h, cuExternalMemoryGetMappedBuffer: the pointer must be freed with cuMemFree.
  if (address_ != 0) driver.cuMemFree(address_);
  driver.cuDestroyExternalMemory(memory_);
}

}  // namespace lumen::vulkan
