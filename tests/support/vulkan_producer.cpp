#include "support/vulkan_producer.h"

#include <cstddef>
#include <span>
#include <utility>

#include "capture/dmabuf_memory.h"
#include "support/picture_pattern.h"
#include "zerocopy/vulkan/formats.h"

namespace lumen::test {
namespace {

using vulkan::check;

template <typename T>
tl::unexpected<Error> pass_on(Result<T>& result) {
  return tl::unexpected(std::move(result.error()));
}

Result<vulkan::Image> create_image(const vulkan::Device& device, Fourcc format, Modifier modifier,
                                   Extent size) {
  const VkImageDrmFormatModifierListCreateInfoEXT tiling{
      .sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT,
      .drmFormatModifierCount = 1,
      .pDrmFormatModifiers = &modifier.value};
  const VkExternalMemoryImageCreateInfo external{
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      .pNext = &tiling,
      .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT};
  const VkImageCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .pNext = &external,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = vulkan::to_vulkan(format),
      .extent = {size.width, size.height, 1},
      .mipLevels = 1,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
      .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
      .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
      .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED};
  VkImage handle = VK_NULL_HANDLE;
  auto made = check(device.table().vkCreateImage(device.handle(), &info, nullptr, &handle),
                    "vkCreateImage");
  if (!made) return pass_on(made);
  return vulkan::Image(device.handle(), handle, device.table().vkDestroyImage);
}

}  // namespace

VulkanPicture::~VulkanPicture() = default;

CapturedFrame VulkanPicture::frame() const {
  CapturedFrame frame;
  frame.image = DmaBufImage{shared_, modifier_, 1, {plane_}};
  frame.format = format_;
  frame.size = size_;
  frame.crop = {0, 0, size_};
  return frame;
}

Result<void> VulkanPicture::draw(std::uint32_t seed) {
  const vulkan::DeviceTable& table = device_->table();
  void* mapped = nullptr;
  auto done = check(
      table.vkMapMemory(device_->handle(), staging_memory_.borrow(), 0, VK_WHOLE_SIZE, 0, &mapped),
      "vkMapMemory");
  if (!done) return done;
  const Pitch pitch = image_ ? Pitch{size_.width * 4} : plane_.pitch;
  const std::span bytes(static_cast<std::byte*>(mapped), staging_bytes_);
  draw_pattern(image_ ? bytes : bytes.subspan(plane_.offset_bytes), format_, size_, pitch, seed);
  table.vkUnmapMemory(device_->handle(), staging_memory_.borrow());
  const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .commandBufferCount = 1,
                          .pCommandBuffers = &commands_};
  done = check(table.vkQueueSubmit(device_->queue(), 1, &info, VK_NULL_HANDLE), "vkQueueSubmit");
  if (!done) return done;
  return check(table.vkQueueWaitIdle(device_->queue()), "vkQueueWaitIdle");
}

void VulkanPicture::record(VkCommandBuffer commands) const {
  const vulkan::DeviceTable& table = device_->table();
  if (!image_) {
    const VkBufferCopy region{.size = staging_bytes_};
    table.vkCmdCopyBuffer(commands, staging_.borrow(), buffer_.borrow(), 1, &region);
    const VkBufferMemoryBarrier release{.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER,
                                        .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                        .srcQueueFamilyIndex = device_->queue_family(),
                                        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_EXTERNAL,
                                        .buffer = buffer_.borrow(),
                                        .size = VK_WHOLE_SIZE};
    table.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                               VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0, nullptr, 1, &release, 0,
                               nullptr);
    return;
  }
  VkImageMemoryBarrier barrier{
      .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
      .dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
      .oldLayout = VK_IMAGE_LAYOUT_UNDEFINED,
      .newLayout = VK_IMAGE_LAYOUT_GENERAL,
      .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
      .image = image_.borrow(),
      .subresourceRange = {
          .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .layerCount = 1}};
  table.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT,
                             VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0, nullptr, 0, nullptr, 1,
                             &barrier);
  const VkBufferImageCopy region{
      .imageSubresource = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .layerCount = 1},
      .imageExtent = {size_.width, size_.height, 1}};
  table.vkCmdCopyBufferToImage(commands, staging_.borrow(), image_.borrow(),
                               VK_IMAGE_LAYOUT_GENERAL, 1, &region);
  barrier.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = 0;
  barrier.oldLayout = VK_IMAGE_LAYOUT_GENERAL;
  barrier.srcQueueFamilyIndex = device_->queue_family();
  barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_EXTERNAL;
  table.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                             VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0, nullptr, 0, nullptr, 1,
                             &barrier);
}

Result<VulkanProducer> VulkanProducer::create(const cuda::Uuid& uuid) {
  auto driver = vulkan::load_driver();
  if (!driver) return pass_on(driver);
  auto instance = vulkan::Instance::create(std::move(*driver));
  if (!instance) return pass_on(instance);
  auto device = vulkan::Device::create(
      std::move(*instance), uuid,
      {.source = vulkan::SourceMemory::kOpaqueFd, .queue = vulkan::QueueKind::kGraphics});
  if (!device) return pass_on(device);
  return VulkanProducer(std::move(*device));
}

Result<std::unique_ptr<VulkanPicture>> VulkanProducer::make_linear(
    Fourcc format, Extent size, Pitch pitch, std::uint32_t offset_bytes) const {
  if (pitch.bytes == 0) pitch.bytes = size.width * 4;
  std::unique_ptr<VulkanPicture> picture(new VulkanPicture);
  picture->format_ = format;
  picture->modifier_ = kModifierLinear;
  picture->size_ = size;
  picture->plane_ = {offset_bytes, pitch};
  picture->staging_bytes_ =
      offset_bytes + std::uint64_t{pitch.bytes} * (size.height - 1) + std::uint64_t{size.width} * 4;
  auto buffer =
      vulkan::create_buffer(*device_, picture->staging_bytes_,
                            VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                            VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT);
  if (!buffer) return pass_on(buffer);
  picture->buffer_ = std::move(*buffer);
  return finish(std::move(picture));
}

Result<std::unique_ptr<VulkanPicture>> VulkanProducer::make_tiled(Fourcc format, Modifier modifier,
                                                                  Extent size) const {
  std::unique_ptr<VulkanPicture> picture(new VulkanPicture);
  picture->format_ = format;
  picture->modifier_ = modifier;
  picture->size_ = size;
  picture->staging_bytes_ = std::uint64_t{size.width} * size.height * 4;
  auto image = create_image(*device_, format, modifier, size);
  if (!image) return pass_on(image);
  picture->image_ = std::move(*image);
  const VkImageSubresource plane{.aspectMask = VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT};
  VkSubresourceLayout layout{};
  device_->table().vkGetImageSubresourceLayout(device_->handle(), picture->image_.borrow(), &plane,
                                               &layout);
  picture->plane_ = {static_cast<std::uint32_t>(layout.offset),
                     {static_cast<std::uint32_t>(layout.rowPitch)}};
  return finish(std::move(picture));
}

Result<std::unique_ptr<VulkanPicture>> VulkanProducer::finish(
    std::unique_ptr<VulkanPicture> picture) const {
  picture->device_ = device_;
  const vulkan::DeviceTable& table = device_->table();
  const vulkan::Resource resource{.buffer = picture->buffer_.borrow(),
                                  .image = picture->image_.borrow()};
  auto memory = vulkan::allocate_exportable(*device_, resource);
  if (!memory) return pass_on(memory);
  picture->memory_ = std::move(*memory);
  auto fd = vulkan::export_memory(*device_, picture->memory_.borrow());
  if (!fd) return pass_on(fd);
  auto shared = DmaBufMemory::create({fd->borrow(), -1, -1, -1}, 1);
  if (!shared) return pass_on(shared);
  picture->shared_ = std::make_shared<const DmaBufMemory>(std::move(*shared));

  auto staging =
      vulkan::create_buffer(*device_, picture->staging_bytes_, VK_BUFFER_USAGE_TRANSFER_SRC_BIT, 0);
  if (!staging) return pass_on(staging);
  picture->staging_ = std::move(*staging);
  const vulkan::Resource host{.buffer = picture->staging_.borrow()};
  const VkMemoryRequirements needs = host.requirements(*device_);
  const auto type =
      device_->memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                                     VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  if (!type) return fail(ErrorKind::kUnsupported, "no host-visible memory");
  const VkMemoryAllocateInfo allocation{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                        .allocationSize = needs.size,
                                        .memoryTypeIndex = *type};
  VkDeviceMemory staging_memory = VK_NULL_HANDLE;
  auto done =
      check(table.vkAllocateMemory(device_->handle(), &allocation, nullptr, &staging_memory),
            "vkAllocateMemory");
  if (!done) return pass_on(done);
  picture->staging_memory_ = vulkan::Memory(device_->handle(), staging_memory, table.vkFreeMemory);
  done = host.bind(*device_, staging_memory);
  if (!done) return pass_on(done);

  const VkCommandPoolCreateInfo pool{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .queueFamilyIndex = device_->queue_family()};
  VkCommandPool pool_handle = VK_NULL_HANDLE;
  done = check(table.vkCreateCommandPool(device_->handle(), &pool, nullptr, &pool_handle),
               "vkCreateCommandPool");
  if (!done) return pass_on(done);
  picture->pool_ = {device_->handle(), pool_handle, table.vkDestroyCommandPool};
  const VkCommandBufferAllocateInfo commands{
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = pool_handle,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1};
  done = check(table.vkAllocateCommandBuffers(device_->handle(), &commands, &picture->commands_),
               "vkAllocateCommandBuffers");
  if (!done) return pass_on(done);
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  done = check(table.vkBeginCommandBuffer(picture->commands_, &begin), "vkBeginCommandBuffer");
  if (!done) return pass_on(done);
  picture->record(picture->commands_);
  done = check(table.vkEndCommandBuffer(picture->commands_), "vkEndCommandBuffer");
  if (!done) return pass_on(done);
  return picture;
}

}  // namespace lumen::test
