#include "zerocopy/vulkan/memory.h"

#include <utility>

#include <fmt/format.h>

namespace lumen::vulkan {
namespace {

Result<Memory> allocate(const Device& device, const VkMemoryAllocateInfo& info) {
  VkDeviceMemory handle = VK_NULL_HANDLE;
  if (auto made = check(device.table().vkAllocateMemory(device.handle(), &info, nullptr, &handle),
                        "vkAllocateMemory");
      !made) {
    return tl::unexpected(std::move(made.error()));
  }
  return Memory(device.handle(), handle, device.table().vkFreeMemory);
}

tl::unexpected<Error> rejected(Error error) {
  if (error.kind != ErrorKind::kDeviceLost) error.kind = ErrorKind::kFormatRejected;
  return tl::unexpected(std::move(error));
}

/// The memory types in which this descriptor may be imported.
Result<std::uint32_t> importable_types(const Device& device, int fd) {
  // vkGetMemoryFdPropertiesKHR must not be asked about OPAQUE_FD (VUID-…-handleType-00674).
  if (device.source_handle() == VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT) return ~0U;
  VkMemoryFdPropertiesKHR properties{.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR};
  if (auto got = check(device.table().vkGetMemoryFdPropertiesKHR(
                           device.handle(), device.source_handle(), fd, &properties),
                       "vkGetMemoryFdPropertiesKHR");
      !got) {
    return rejected(std::move(got.error()));
  }
  return properties.memoryTypeBits;
}

}  // namespace

VkMemoryRequirements Resource::requirements(const Device& device) const {
  VkMemoryRequirements2 result{.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
  if (buffer != VK_NULL_HANDLE) {
    const VkBufferMemoryRequirementsInfo2 info{
        .sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2, .buffer = buffer};
    device.table().vkGetBufferMemoryRequirements2(device.handle(), &info, &result);
  } else {
    const VkImageMemoryRequirementsInfo2 info{
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2, .image = image};
    device.table().vkGetImageMemoryRequirements2(device.handle(), &info, &result);
  }
  return result.memoryRequirements;
}

Result<void> Resource::bind(const Device& device, VkDeviceMemory memory) const {
  if (buffer != VK_NULL_HANDLE) {
    return check(device.table().vkBindBufferMemory(device.handle(), buffer, memory, 0),
                 "vkBindBufferMemory");
  }
  return check(device.table().vkBindImageMemory(device.handle(), image, memory, 0),
               "vkBindImageMemory");
}

Result<Memory> import_memory(const Device& device, const ForeignMemory& foreign,
                             const Resource& resource, VkExternalMemoryHandleTypeFlags export_too) {
  const VkMemoryRequirements needs = resource.requirements(device);
  if (foreign.size != 0 && needs.size > foreign.size) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("the producer's buffer has {} bytes, its picture needs {}",
                            foreign.size, needs.size));
  }
  const auto types = importable_types(device, foreign.fd);
  if (!types) return tl::unexpected(types.error());
  const auto type = device.memory_type(needs.memoryTypeBits & *types);
  if (!type) {
    return fail(
        ErrorKind::kFormatRejected,
        fmt::format("Vulkan on {} has no memory type for the producer's buffer", device.name()));
  }
  auto fd = duplicate(foreign.fd);
  if (!fd) return tl::unexpected(std::move(fd.error()));

  const VkExportMemoryAllocateInfo exported{.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
                                            .handleTypes = export_too};
  const VkMemoryDedicatedAllocateInfo dedicated{
      .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
      .pNext = export_too != 0 ? &exported : nullptr,
      .image = resource.image,
      .buffer = resource.buffer};
  const VkImportMemoryFdInfoKHR import{.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
                                       .pNext = &dedicated,
                                       .handleType = device.source_handle(),
                                       .fd = fd->borrow()};
  auto memory = allocate(device, {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .pNext = &import,
                                  .allocationSize = needs.size,
                                  .memoryTypeIndex = *type});
  if (!memory) return rejected(std::move(memory.error()));
  static_cast<void>(fd->release());  // Vulkan's since the import succeeded
  if (auto bound = resource.bind(device, memory->borrow()); !bound) {
    return rejected(std::move(bound.error()));
  }
  return memory;
}

Result<Memory> allocate_exportable(const Device& device, const Resource& resource) {
  const VkMemoryRequirements needs = resource.requirements(device);
  const auto type = device.memory_type(needs.memoryTypeBits);
  if (!type) return fail(ErrorKind::kUnsupported, "no memory type that can be exported");
  const VkExportMemoryAllocateInfo exported{
      .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
      .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT};
  const VkMemoryDedicatedAllocateInfo dedicated{
      .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
      .pNext = &exported,
      .image = resource.image,
      .buffer = resource.buffer};
  auto memory = allocate(device, {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                  .pNext = &dedicated,
                                  .allocationSize = needs.size,
                                  .memoryTypeIndex = *type});
  if (!memory) return memory;
  if (auto bound = resource.bind(device, memory->borrow()); !bound) {
    return tl::unexpected(std::move(bound.error()));
  }
  return memory;
}

Result<UniqueFd> export_memory(const Device& device, VkDeviceMemory memory) {
  const VkMemoryGetFdInfoKHR info{.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                                  .memory = memory,
                                  .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT};
  int fd = -1;
  if (auto got =
          check(device.table().vkGetMemoryFdKHR(device.handle(), &info, &fd), "vkGetMemoryFdKHR");
      !got) {
    return tl::unexpected(std::move(got.error()));
  }
  return UniqueFd::take(fd);
}

Result<Buffer> create_buffer(const Device& device, std::uint64_t size, VkBufferUsageFlags usage,
                             VkExternalMemoryHandleTypeFlags handle_types) {
  const VkExternalMemoryBufferCreateInfo external{
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO, .handleTypes = handle_types};
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .pNext = &external,
                                .size = size,
                                .usage = usage,
                                .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  VkBuffer handle = VK_NULL_HANDLE;
  if (auto made = check(device.table().vkCreateBuffer(device.handle(), &info, nullptr, &handle),
                        "vkCreateBuffer");
      !made) {
    return tl::unexpected(std::move(made.error()));
  }
  return Buffer(device.handle(), handle, device.table().vkDestroyBuffer);
}

}  // namespace lumen::vulkan
