#include "zerocopy/selftest/vulkan_sample.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/device_object.h"
#include "zerocopy/vulkan/formats.h"
#include "zerocopy/vulkan/memory.h"

namespace lumen::selftest {
namespace {

using namespace vulkan;

constexpr auto kDmaBuf = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;
constexpr std::uint64_t kWaitNanoseconds = 2'000'000'000;

struct Tiling {
  Modifier modifier;
  bool operator()(const VkDrmFormatModifierPropertiesEXT& entry) const {
    return entry.drmFormatModifier == modifier.value;
  }
};

/// The modifiers that Vulkan lists for a format.
std::vector<VkDrmFormatModifierPropertiesEXT> list_modifiers(const Device& device, Fourcc format) {
  VkDrmFormatModifierPropertiesListEXT list{
      .sType = VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT};
  VkFormatProperties2 properties{.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, .pNext = &list};
  const auto ask = [&] {
    device.instance().vkGetPhysicalDeviceFormatProperties2(device.physical(), to_vulkan(format),
                                                           &properties);
  };
  ask();
  std::vector<VkDrmFormatModifierPropertiesEXT> entries(list.drmFormatModifierCount);
  list.pDrmFormatModifierProperties = entries.data();
  ask();
  return entries;
}

/// Everything that exists only while one sample is filled.
struct Upload {
  Buffer staging;
  Memory staging_memory;
  DeviceObject<VkCommandPool> pool;
  DeviceObject<VkFence> fence;
};

class VulkanMaker final : public SampleMaker {
 public:
  explicit VulkanMaker(std::shared_ptr<const Device> device) : device_(std::move(device)) {}

  [[nodiscard]] std::string_view name() const override { return "Vulkan"; }

  [[nodiscard]] bool can_make(Fourcc format, Modifier modifier) const override {
    if (!device_->features().modifiers || !is_packed_rgb(format)) return false;
    const auto entries = list_modifiers(*device_, format);
    const auto entry = std::ranges::find_if(entries, Tiling{modifier});
    return entry != entries.end() && entry->drmFormatModifierPlaneCount == 1 &&
           (entry->drmFormatModifierTilingFeatures & VK_FORMAT_FEATURE_TRANSFER_DST_BIT) != 0;
  }

  Result<CapturedFrame> make(Fourcc format, Modifier modifier, Extent size,
                             std::span<const std::uint32_t> pixels) override {
    auto image = create_image(format, modifier, size);
    if (!image) return tl::unexpected(std::move(image.error()));
    auto memory = allocate(image->borrow());
    if (!memory) return tl::unexpected(std::move(memory.error()));
    if (auto filled = fill(image->borrow(), size, pixels); !filled) {
      return tl::unexpected(std::move(filled.error()));
    }
    const VkMemoryGetFdInfoKHR info{.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
                                    .memory = memory->borrow(),
                                    .handleType = kDmaBuf};
    int fd = -1;
    if (auto got = check(device_->table().vkGetMemoryFdKHR(device_->handle(), &info, &fd),
                         "vkGetMemoryFdKHR");
        !got) {
      return tl::unexpected(std::move(got.error()));
    }
    const UniqueFd dmabuf = UniqueFd::take(fd);
    const VkImageSubresource plane{.aspectMask = VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT};
    VkSubresourceLayout layout{};
    device_->table().vkGetImageSubresourceLayout(device_->handle(), image->borrow(), &plane,
                                                 &layout);
    return make_sample_frame(DmaBufMemory::create({dmabuf.borrow(), -1, -1, -1}, 1), format,
                             modifier, size,
                             {static_cast<std::uint32_t>(layout.offset),
                              Pitch{static_cast<std::uint32_t>(layout.rowPitch)}});
  }

 private:
  Result<Image> create_image(Fourcc format, Modifier modifier, Extent size) const {
    const VkImageDrmFormatModifierListCreateInfoEXT tiling{
        .sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT,
        .drmFormatModifierCount = 1,
        .pDrmFormatModifiers = &modifier.value};
    const VkExternalMemoryImageCreateInfo external{
        .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
        .pNext = &tiling,
        .handleTypes = kDmaBuf};
    const VkImageCreateInfo info{
        .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
        .pNext = &external,
        .imageType = VK_IMAGE_TYPE_2D,
        .format = to_vulkan(format),
        .extent = {size.width, size.height, 1},
        .mipLevels = 1,
        .arrayLayers = 1,
        .samples = VK_SAMPLE_COUNT_1_BIT,
        .tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
        .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
        .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED};
    VkImage handle = VK_NULL_HANDLE;
    if (auto made =
            check(device_->table().vkCreateImage(device_->handle(), &info, nullptr, &handle),
                  "vkCreateImage");
        !made) {
      return tl::unexpected(std::move(made.error()));
    }
    return Image(device_->handle(), handle, device_->table().vkDestroyImage);
  }

  Result<Memory> allocate(VkImage image) const {
    const Resource resource{.image = image};
    const VkMemoryRequirements needs = resource.requirements(*device_);
    const auto type = device_->memory_type(needs.memoryTypeBits);
    if (!type) return fail(ErrorKind::kUnsupported, "no memory type for a sample picture");
    const VkMemoryDedicatedAllocateInfo dedicated{
        .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, .image = image};
    const VkExportMemoryAllocateInfo exported{
        .sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
        .pNext = &dedicated,
        .handleTypes = kDmaBuf};
    auto memory = allocate({.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                            .pNext = &exported,
                            .allocationSize = needs.size,
                            .memoryTypeIndex = *type});
    if (!memory) return memory;
    if (auto bound = resource.bind(*device_, memory->borrow()); !bound) {
      return tl::unexpected(std::move(bound.error()));
    }
    return memory;
  }

  Result<Memory> allocate(const VkMemoryAllocateInfo& info) const {
    VkDeviceMemory handle = VK_NULL_HANDLE;
    if (auto made =
            check(device_->table().vkAllocateMemory(device_->handle(), &info, nullptr, &handle),
                  "vkAllocateMemory");
        !made) {
      return tl::unexpected(std::move(made.error()));
    }
    return Memory(device_->handle(), handle, device_->table().vkFreeMemory);
  }

  Result<void> fill(VkImage image, Extent size, std::span<const std::uint32_t> pixels) const {
    Upload upload;
    return stage(upload, pixels).and_then([&] { return submit(upload, image, size); });
  }

  Result<void> stage(Upload& upload, std::span<const std::uint32_t> pixels) const {
    auto buffer = create_buffer(*device_, pixels.size_bytes(), VK_BUFFER_USAGE_TRANSFER_SRC_BIT, 0);
    if (!buffer) return tl::unexpected(std::move(buffer.error()));
    upload.staging = std::move(*buffer);
    const Resource resource{.buffer = upload.staging.borrow()};
    const VkMemoryRequirements needs = resource.requirements(*device_);
    const auto type =
        device_->memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                                       VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    if (!type) return fail(ErrorKind::kUnsupported, "no memory type that the CPU can write");
    auto memory = allocate({.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                            .allocationSize = needs.size,
                            .memoryTypeIndex = *type});
    if (!memory) return tl::unexpected(std::move(memory.error()));
    upload.staging_memory = std::move(*memory);
    if (auto bound = resource.bind(*device_, upload.staging_memory.borrow()); !bound) return bound;
    void* mapped = nullptr;
    if (auto ok =
            check(device_->table().vkMapMemory(device_->handle(), upload.staging_memory.borrow(), 0,
                                               VK_WHOLE_SIZE, 0, &mapped),
                  "vkMapMemory");
        !ok) {
      return ok;
    }
    std::memcpy(mapped, pixels.data(), pixels.size_bytes());
    device_->table().vkUnmapMemory(device_->handle(), upload.staging_memory.borrow());
    return {};
  }

  Result<void> submit(Upload& upload, VkImage image, Extent size) const {
    const DeviceTable& vk = device_->table();
    const VkCommandPoolCreateInfo pool_info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                            .queueFamilyIndex = device_->queue_family()};
    VkCommandPool pool = VK_NULL_HANDLE;
    if (auto ok = check(vk.vkCreateCommandPool(device_->handle(), &pool_info, nullptr, &pool),
                        "vkCreateCommandPool");
        !ok) {
      return ok;
    }
    upload.pool = {device_->handle(), pool, vk.vkDestroyCommandPool};
    const VkFenceCreateInfo fence_info{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence = VK_NULL_HANDLE;
    if (auto ok = check(vk.vkCreateFence(device_->handle(), &fence_info, nullptr, &fence),
                        "vkCreateFence");
        !ok) {
      return ok;
    }
    upload.fence = {device_->handle(), fence, vk.vkDestroyFence};
    const VkCommandBufferAllocateInfo allocate{
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1};
    VkCommandBuffer commands = VK_NULL_HANDLE;  // freed with its pool
    if (auto ok = check(vk.vkAllocateCommandBuffers(device_->handle(), &allocate, &commands),
                        "vkAllocateCommandBuffers");
        !ok) {
      return ok;
    }
    if (auto ok = record(commands, upload.staging.borrow(), image, size); !ok) return ok;
    const VkSubmitInfo submit_info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                   .commandBufferCount = 1,
                                   .pCommandBuffers = &commands};
    if (auto ok =
            check(vk.vkQueueSubmit(device_->queue(), 1, &submit_info, fence), "vkQueueSubmit");
        !ok) {
      return ok;
    }
    const VkResult waited =
        vk.vkWaitForFences(device_->handle(), 1, &fence, VK_TRUE, kWaitNanoseconds);
    if (waited == VK_TIMEOUT) {
      return fail(ErrorKind::kDeviceLost, "the GPU did not fill a sample picture in 2 seconds");
    }
    return check(waited, "vkWaitForFences");
  }

  /// Ends with the image released to whoever imports it, as a compositor's would be.
  Result<void> record(VkCommandBuffer commands, VkBuffer staging, VkImage image,
                      Extent size) const {
    const DeviceTable& vk = device_->table();
    const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                         .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    if (auto ok = check(vk.vkBeginCommandBuffer(commands, &begin), "vkBeginCommandBuffer"); !ok) {
      return ok;
    }
    VkImageMemoryBarrier barrier{.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
                                 .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                 .oldLayout = VK_IMAGE_LAYOUT_UNDEFINED,
                                 .newLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                                 .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                 .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                                 .image = image,
                                 .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
    vk.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT,
                            VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, nullptr, 0, nullptr, 1, &barrier);
    const VkBufferImageCopy region{.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                   .imageExtent = {size.width, size.height, 1}};
    vk.vkCmdCopyBufferToImage(commands, staging, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1,
                              &region);
    barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    barrier.dstAccessMask = 0;
    barrier.oldLayout = VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL;
    barrier.newLayout = VK_IMAGE_LAYOUT_GENERAL;
    barrier.srcQueueFamilyIndex = device_->queue_family();
    barrier.dstQueueFamilyIndex = device_->source_family();
    vk.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                            VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0, nullptr, 0, nullptr, 1,
                            &barrier);
    return check(vk.vkEndCommandBuffer(commands), "vkEndCommandBuffer");
  }

  std::shared_ptr<const Device> device_;
};

}  // namespace

Result<std::unique_ptr<SampleMaker>> make_vulkan_maker(const cuda::Uuid& uuid) {
  auto driver = load_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  auto instance = Instance::create(std::move(*driver));
  if (!instance) return tl::unexpected(std::move(instance.error()));
  auto device = Device::create(std::move(*instance), uuid, {});
  if (!device) return tl::unexpected(std::move(device.error()));
  if (!(*device)->features().modifiers) {
    return fail(ErrorKind::kUnsupported, "Vulkan has no VK_EXT_image_drm_format_modifier here");
  }
  return std::make_unique<VulkanMaker>(std::move(*device));
}

}  // namespace lumen::selftest
