#include "zerocopy/vulkan/copy_commands.h"

#include <array>

namespace lumen::vulkan {
namespace {

// The largest of CUDA's demands on a pitch: a texture's, 32 bytes, and a full memory transaction.
constexpr std::uint32_t kPitchAlignment = 256;

enum class Transfer { kAcquire, kRelease };

/// The producer's picture comes to our queue family, or goes back. Its layout stays GENERAL, the
/// one that drivers and other APIs agree on; a copy may read it in that, and nothing is written to
/// it.
void transfer_picture(const Device& device, VkCommandBuffer commands,
                      const ImportedPicture& picture, Transfer direction) {
  const bool acquire = direction == Transfer::kAcquire;
  const std::uint32_t from = acquire ? device.source_family() : device.queue_family();
  const std::uint32_t to = acquire ? device.queue_family() : device.source_family();
  const VkAccessFlags source_access = 0;  // acquiring: not ours to say; releasing: we only read
  const VkAccessFlags target_access = acquire ? VK_ACCESS_TRANSFER_READ_BIT : 0;
  const VkPipelineStageFlags target_stage =
      acquire ? VK_PIPELINE_STAGE_TRANSFER_BIT : VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT;
  if (picture.image() != VK_NULL_HANDLE) {
    const VkImageMemoryBarrier barrier{
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = source_access,
        .dstAccessMask = target_access,
        .oldLayout = VK_IMAGE_LAYOUT_GENERAL,
        .newLayout = VK_IMAGE_LAYOUT_GENERAL,
        .srcQueueFamilyIndex = from,
        .dstQueueFamilyIndex = to,
        .image = picture.image(),
        .subresourceRange = {
            .aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .levelCount = 1, .layerCount = 1}};
    device.table().vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, target_stage, 0,
                                        0, nullptr, 0, nullptr, 1, &barrier);
    return;
  }
  const VkBufferMemoryBarrier barrier{.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER,
                                      .srcAccessMask = source_access,
                                      .dstAccessMask = target_access,
                                      .srcQueueFamilyIndex = from,
                                      .dstQueueFamilyIndex = to,
                                      .buffer = picture.buffer(),
                                      .size = VK_WHOLE_SIZE};
  device.table().vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, target_stage, 0, 0,
                                      nullptr, 1, &barrier, 0, nullptr);
}

void copy_picture(const Device& device, VkCommandBuffer commands, const ImportedPicture& from,
                  VkBuffer to) {
  const PictureLayout& layout = from.layout();
  if (from.image() != VK_NULL_HANDLE) {
    const VkBufferImageCopy region{
        .bufferRowLength = CopyLayout::of(layout).pitch.bytes / kPixelBytes,
        .imageSubresource = {.aspectMask = VK_IMAGE_ASPECT_COLOR_BIT, .layerCount = 1},
        .imageExtent = {layout.size.width, layout.size.height, 1}};
    device.table().vkCmdCopyImageToBuffer(commands, from.image(), VK_IMAGE_LAYOUT_GENERAL, to, 1,
                                          &region);
    return;
  }
  const VkBufferCopy region{.srcOffset = layout.plane.offset_bytes, .size = layout.span_bytes()};
  device.table().vkCmdCopyBuffer(commands, from.buffer(), to, 1, &region);
}

/// CUDA sees the copy after this. It is never acquired back: the next copy overwrites all of it.
void release_copy(const Device& device, VkCommandBuffer commands, VkBuffer copy) {
  const VkBufferMemoryBarrier barrier{.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER,
                                      .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                      .dstAccessMask = 0,
                                      .srcQueueFamilyIndex = device.queue_family(),
                                      .dstQueueFamilyIndex = VK_QUEUE_FAMILY_EXTERNAL,
                                      .buffer = copy,
                                      .size = VK_WHOLE_SIZE};
  device.table().vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                                      VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, 0, 0, nullptr, 1,
                                      &barrier, 0, nullptr);
}

}  // namespace

CopyCommands::~CopyCommands() {
  if (handle_ == VK_NULL_HANDLE) return;
  device_->table().vkFreeCommandBuffers(device_->handle(), pool_, 1, &handle_);
}

CopyLayout CopyLayout::of(const PictureLayout& source) {
  if (source.modifier == kModifierLinear) return {source.plane.pitch, source.span_bytes()};
  const std::uint32_t row = source.size.width * kPixelBytes;
  const std::uint32_t pitch = (row + kPitchAlignment - 1) / kPitchAlignment * kPitchAlignment;
  return {{pitch}, std::uint64_t{pitch} * source.size.height};
}

Result<CommandPool> CommandPool::create(std::shared_ptr<const Device> device) {
  CommandPool result(std::move(device));
  const Device& owner = *result.device_;
  const VkCommandPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .queueFamilyIndex = owner.queue_family()};
  VkCommandPool handle = VK_NULL_HANDLE;
  if (auto made = check(owner.table().vkCreateCommandPool(owner.handle(), &info, nullptr, &handle),
                        "vkCreateCommandPool");
      !made) {
    return tl::unexpected(std::move(made.error()));
  }
  result.pool_ =
      DeviceObject<VkCommandPool>(owner.handle(), handle, owner.table().vkDestroyCommandPool);
  return result;
}

Result<CopyCommands> CommandPool::record_copy(const ImportedPicture& from,
                                              const ExportBuffer& to) const {
  const DeviceTable& table = device_->table();
  const VkCommandBufferAllocateInfo allocation{
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = pool_.borrow(),
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1};
  VkCommandBuffer handle = VK_NULL_HANDLE;
  if (auto made = check(table.vkAllocateCommandBuffers(device_->handle(), &allocation, &handle),
                        "vkAllocateCommandBuffers");
      !made) {
    return tl::unexpected(std::move(made.error()));
  }
  CopyCommands commands(*device_, pool_.borrow(), handle);
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  if (auto begun = check(table.vkBeginCommandBuffer(handle, &begin), "vkBeginCommandBuffer");
      !begun) {
    return tl::unexpected(std::move(begun.error()));
  }
  transfer_picture(*device_, handle, from, Transfer::kAcquire);
  copy_picture(*device_, handle, from, to.buffer());
  transfer_picture(*device_, handle, from, Transfer::kRelease);
  release_copy(*device_, handle, to.buffer());
  if (auto ended = check(table.vkEndCommandBuffer(handle), "vkEndCommandBuffer"); !ended) {
    return tl::unexpected(std::move(ended.error()));
  }
  return commands;
}

}  // namespace lumen::vulkan
