#include "zerocopy/vulkan/export_pool.h"

#include <algorithm>

#include <fmt/format.h>

namespace lumen::vulkan {
namespace {

/// From the start on, so that a copy need not wait for the reader of the picture before it.
constexpr std::size_t kFewest = 2;

}  // namespace

Result<std::shared_ptr<ExportBuffer>> ExportBuffer::create(
    std::shared_ptr<const Device> device, std::shared_ptr<const cuda::Context> context,
    std::uint64_t bytes, unsigned index) {
  std::shared_ptr<ExportBuffer> result(new ExportBuffer(std::move(device), index));
  const Device& owner = *result->device_;
  auto buffer = create_buffer(owner, bytes, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                              VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT);
  if (!buffer) return tl::unexpected(std::move(buffer.error()));
  result->buffer_ = std::move(*buffer);
  const Resource resource{.buffer = result->buffer()};
  auto memory = allocate_exportable(owner, resource);
  if (!memory) return tl::unexpected(std::move(memory.error()));
  result->memory_ = std::move(*memory);
  auto fd = export_memory(owner, result->memory_.borrow());
  if (!fd) return tl::unexpected(std::move(fd.error()));
  auto mapping =
      CudaMapping::create(std::move(context), std::move(*fd), resource.requirements(owner).size);
  if (!mapping) return tl::unexpected(std::move(mapping.error()));
  result->mapping_ = std::move(*mapping);
  return result;
}

Result<std::shared_ptr<ExportBuffer>> ExportPool::acquire() {
  if (buffers_.size() >= std::min<std::size_t>(kFewest, limit_)) {
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      const std::size_t at = (next_ + i) % buffers_.size();
      // Only the pool makes new owners, on this thread: a count of one stays one.
      if (buffers_[at].use_count() != 1) continue;
      next_ = at + 1;
      return buffers_[at];
    }
  }
  if (buffers_.size() >= limit_) {
    return fail(ErrorKind::kRetry,
                fmt::format("all {} buffers between Vulkan and CUDA are in use", limit_));
  }
  auto made =
      ExportBuffer::create(device_, context_, bytes_, static_cast<unsigned>(buffers_.size()));
  if (made) {
    buffers_.push_back(*made);
    next_ = buffers_.size();
    return made;
  }
  // With some buffers there already, get along with those.
  if (made.error().kind == ErrorKind::kIo && !buffers_.empty()) {
    limit_ = static_cast<unsigned>(buffers_.size());
    made.error().kind = ErrorKind::kRetry;
  }
  return with_context("buffer between Vulkan and CUDA", std::move(made.error()));
}

}  // namespace lumen::vulkan
