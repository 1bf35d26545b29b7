// Vulkan memory that comes from, or goes to, somebody else: one dedicated allocation per buffer or
// image, which is what NVIDIA wants for dmabufs and CUDA is told of.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "platform/linux/unique_fd.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/device_object.h"

namespace lumen::vulkan {

using Memory = DeviceObject<VkDeviceMemory>;
using Buffer = DeviceObject<VkBuffer>;
using Image = DeviceObject<VkImage>;

/// A buffer or an image, without memory yet, and what it asks for.
struct Resource {
  VkBuffer buffer = VK_NULL_HANDLE;  // exactly one of the two is set
  VkImage image = VK_NULL_HANDLE;

  [[nodiscard]] VkMemoryRequirements requirements(const Device& device) const;
  [[nodiscard]] Result<void> bind(const Device& device, VkDeviceMemory memory) const;
};

/// A producer's descriptor, borrowed.
struct ForeignMemory {
  int fd = -1;
  std::uint64_t size = 0;  // bytes; 0 where the exporter does not tell
};

/// Makes the producer's memory the resource's, and binds it. `export_too` is 0, or the handle types
/// in which it must be possible to export it again. The descriptor stays the caller's.
/// Errors: kFormatRejected where the memory does not fit or the driver refuses it.
Result<Memory> import_memory(const Device& device, const ForeignMemory& foreign,
                             const Resource& resource, VkExternalMemoryHandleTypeFlags export_too);

/// Allocates device-local memory that can be exported as OPAQUE_FD, and binds it.
/// Errors: kIo, out of memory.
Result<Memory> allocate_exportable(const Device& device, const Resource& resource);

/// A new OPAQUE_FD descriptor of the memory.
Result<UniqueFd> export_memory(const Device& device, VkDeviceMemory memory);

/// A buffer of `size` bytes that may be shared in any of `handle_types`; no memory yet.
Result<Buffer> create_buffer(const Device& device, std::uint64_t size, VkBufferUsageFlags usage,
                             VkExternalMemoryHandleTypeFlags handle_types);

}  // namespace lumen::vulkan
