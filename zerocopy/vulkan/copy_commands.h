// Command buffers that copy a producer's picture, recorded once and submitted for every frame.
#pragma once

#include <memory>
#include <utility>

#include "core/error.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/device_object.h"
#include "zerocopy/vulkan/export_pool.h"
#include "zerocopy/vulkan/imported_picture.h"

namespace lumen::vulkan {

/// Returned to its pool at the end; must not be in use by the GPU then.
class CopyCommands {
 public:
  CopyCommands() = default;  // empty
  CopyCommands(const Device& device, VkCommandPool pool, VkCommandBuffer handle)
      : device_(&device), pool_(pool), handle_(handle) {}
  CopyCommands(CopyCommands&& other) noexcept
      : device_(other.device_),
        pool_(other.pool_),
        handle_(std::exchange(other.handle_, VK_NULL_HANDLE)) {}
  CopyCommands& operator=(CopyCommands&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(pool_, other.pool_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~CopyCommands();

  [[nodiscard]] VkCommandBuffer handle() const { return handle_; }
  [[nodiscard]] explicit operator bool() const { return handle_ != VK_NULL_HANDLE; }

 private:
  const Device* device_ = nullptr;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer handle_ = VK_NULL_HANDLE;
};

/// How a copied picture lies in an ExportBuffer: from its first byte on.
struct CopyLayout {
  Pitch pitch;
  std::uint64_t bytes = 0;

  /// LINEAR keeps the producer's pitch, so that it is one run of bytes; tiled rows get a pitch of
  /// their own.
  static CopyLayout of(const PictureLayout& source);
};

/// Outlives the CopyCommands that it recorded. Encode thread.
class CommandPool {
 public:
  static Result<CommandPool> create(std::shared_ptr<const Device> device);

  /// Acquires the picture from the producer's queue family, copies it, gives the picture back and
  /// the copy to CUDA. May be submitted again and again, once at a time.
  Result<CopyCommands> record_copy(const ImportedPicture& from, const ExportBuffer& to) const;

 private:
  explicit CommandPool(std::shared_ptr<const Device> device) : device_(std::move(device)) {}

  std::shared_ptr<const Device> device_;
  DeviceObject<VkCommandPool> pool_;
};

}  // namespace lumen::vulkan
