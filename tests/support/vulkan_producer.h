// A stand-in for a compositor's dmabufs on machines that have none: a second VkDevice that exports
// its memory as opaque descriptors, LINEAR or with a DRM modifier.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/vulkan/copy_commands.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/memory.h"

namespace lumen::test {

/// One buffer of the producer's. Not thread-safe.
class VulkanPicture {
 public:
  ~VulkanPicture();

  /// Draws the pattern of picture_pattern.h and waits until it is in the memory.
  Result<void> draw(std::uint32_t seed);

  /// A new frame of this buffer; all frames share one DmaBufMemory.
  [[nodiscard]] CapturedFrame frame() const;

 private:
  friend class VulkanProducer;
  VulkanPicture() = default;
  void record(VkCommandBuffer commands) const;

  std::shared_ptr<const vulkan::Device> device_;
  std::shared_ptr<const DmaBufMemory> shared_;
  Fourcc format_ = Fourcc::kNone;
  Modifier modifier_;
  Extent size_;
  PlaneLayout plane_;
  vulkan::Memory memory_;
  vulkan::Buffer buffer_;
  vulkan::Image image_;
  vulkan::Memory staging_memory_;
  vulkan::Buffer staging_;
  std::uint64_t staging_bytes_ = 0;
  vulkan::DeviceObject<VkCommandPool> pool_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;  // the pool's
};

class VulkanProducer {
 public:
  /// On the GPU of this UUID.
  static Result<VulkanProducer> create(const cuda::Uuid& uuid);

  /// LINEAR memory; pitch 0 means rows without a gap.
  Result<std::unique_ptr<VulkanPicture>> make_linear(Fourcc format, Extent size, Pitch pitch = {},
                                                     std::uint32_t offset_bytes = 0) const;
  /// An image in this layout, as the driver lays it out.
  Result<std::unique_ptr<VulkanPicture>> make_tiled(Fourcc format, Modifier modifier,
                                                    Extent size) const;

 private:
  explicit VulkanProducer(std::shared_ptr<const vulkan::Device> device)
      : device_(std::move(device)) {}
  Result<std::unique_ptr<VulkanPicture>> finish(std::unique_ptr<VulkanPicture> picture) const;

  std::shared_ptr<const vulkan::Device> device_;
};

}  // namespace lumen::test
