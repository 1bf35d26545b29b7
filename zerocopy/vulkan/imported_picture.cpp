#include "zerocopy/vulkan/imported_picture.h"

#include <utility>

#include <fmt/format.h>

#include "capture/dmabuf_memory.h"
#include "zerocopy/vulkan/formats.h"

namespace lumen::vulkan {
namespace {

template <typename... Args>
tl::unexpected<Error> rejected(fmt::format_string<Args...> text, Args&&... args) {
  return fail(ErrorKind::kFormatRejected, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace

Result<PictureLayout> PictureLayout::of(const CapturedFrame& frame, const DmaBufImage& image) {
  const PictureLayout layout{frame.format, image.modifier, frame.size, image.planes[0]};
  if (to_vulkan(frame.format) == VK_FORMAT_UNDEFINED) {
    return rejected("the Vulkan route can't import {}", to_string(frame.format));
  }
  if (image.plane_count != 1 || image.memory == nullptr) {
    return rejected("the Vulkan route imports buffers with one plane, not {}", image.plane_count);
  }
  if (image.modifier == kModifierInvalid) {
    return rejected("Vulkan can't import a buffer whose modifier the producer does not tell");
  }
  if (frame.size.empty() || frame.size.width > kMaxSide || frame.size.height > kMaxSide) {
    return rejected("a picture of {}x{} can't be imported", frame.size.width, frame.size.height);
  }
  const std::uint32_t pitch = layout.plane.pitch.bytes;
  if (pitch % kPixelBytes != 0 || pitch < frame.size.width * kPixelBytes) {
    return rejected("a pitch of {} bytes does not fit rows of {} pixels", pitch, frame.size.width);
  }
  const std::uint64_t available = image.memory->plane(0).size;
  if (image.modifier == kModifierLinear && available != 0 &&
      layout.plane.offset_bytes + layout.span_bytes() > available) {
    return rejected("the picture ends {} bytes behind the producer's buffer of {} bytes",
                    layout.plane.offset_bytes + layout.span_bytes() - available, available);
  }
  return layout;
}

Result<ImportedPicture> ImportedPicture::create(const Device& device, const PictureLayout& layout,
                                                const ForeignMemory& memory) {
  ImportedPicture picture(layout);
  const bool as_buffer =
      layout.modifier == kModifierLinear && query_buffer_support(device).importable;
  auto imported = as_buffer ? picture.import_as_buffer(device, memory, 0)
                            : picture.import_as_image(device, memory);
  if (!imported) return tl::unexpected(std::move(imported.error()));
  return picture;
}

Result<ImportedPicture> ImportedPicture::create_in_place(
    const Device& device, std::shared_ptr<const cuda::Context> context, const PictureLayout& layout,
    const ForeignMemory& memory) {
  // A kernel reads whole pixels, so they must be aligned.
  if (layout.plane.offset_bytes % kPixelBytes != 0) {
    return fail(ErrorKind::kUnsupported, "the picture does not begin at a multiple of 4 bytes");
  }
  ImportedPicture picture(layout);
  constexpr auto kExport = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
  if (auto imported = picture.import_as_buffer(device, memory, kExport); !imported) {
    return tl::unexpected(std::move(imported.error()));
  }
  auto fd = export_memory(device, picture.memory_.borrow());
  if (!fd) return with_context("imported memory", std::move(fd.error()));
  const std::uint64_t size = Resource{.buffer = picture.buffer()}.requirements(device).size;
  auto mapping = CudaMapping::create(std::move(context), std::move(*fd), size);
  if (!mapping) return with_context("imported memory", std::move(mapping.error()));
  picture.mapping_ = std::move(*mapping);
  return picture;
}

Result<void> ImportedPicture::import_as_buffer(const Device& device, const ForeignMemory& memory,
                                               VkExternalMemoryHandleTypeFlags export_too) {
  // The whole of the producer's memory where its size is known: some exporters give out memory only
  // as a whole.
  const std::uint64_t size =
      memory.size != 0 ? memory.size : layout_.plane.offset_bytes + layout_.span_bytes();
  auto buffer = create_buffer(device, size, VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                              device.source_handle() | export_too);
  if (!buffer) return tl::unexpected(std::move(buffer.error()));
  buffer_ = std::move(*buffer);
  auto imported = import_memory(device, memory, {.buffer = buffer_.borrow()}, export_too);
  if (!imported) return tl::unexpected(std::move(imported.error()));
  memory_ = std::move(*imported);
  return {};
}

Result<void> ImportedPicture::import_as_image(const Device& device, const ForeignMemory& memory) {
  if (auto can = check_image(device, layout_.format, layout_.modifier, layout_.size); !can) {
    return can;
  }
  // Sizes are the driver's to know: VUID-VkImageDrmFormatModifierExplicitCreateInfoEXT-size-02267.
  const VkSubresourceLayout plane{.offset = layout_.plane.offset_bytes,
                                  .rowPitch = layout_.plane.pitch.bytes};
  const VkImageDrmFormatModifierExplicitCreateInfoEXT tiling{
      .sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT,
      .drmFormatModifier = layout_.modifier.value,
      .drmFormatModifierPlaneCount = 1,
      .pPlaneLayouts = &plane};
  const VkExternalMemoryImageCreateInfo external{
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
      .pNext = &tiling,
      .handleTypes = static_cast<VkExternalMemoryHandleTypeFlags>(device.source_handle())};
  const VkImageCreateInfo info{.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                               .pNext = &external,
                               .imageType = VK_IMAGE_TYPE_2D,
                               .format = to_vulkan(layout_.format),
                               .extent = {layout_.size.width, layout_.size.height, 1},
                               .mipLevels = 1,
                               .arrayLayers = 1,
                               .samples = VK_SAMPLE_COUNT_1_BIT,
                               .tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
                               .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
                               .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
                               .initialLayout = VK_IMAGE_LAYOUT_UNDEFINED};
  VkImage handle = VK_NULL_HANDLE;
  if (auto made = check(device.table().vkCreateImage(device.handle(), &info, nullptr, &handle),
                        "vkCreateImage");
      !made) {
    if (made.error().kind != ErrorKind::kDeviceLost) {
      made.error().kind = ErrorKind::kFormatRejected;
    }
    return made;
  }
  image_ = Image(device.handle(), handle, device.table().vkDestroyImage);
  auto imported = import_memory(device, memory, {.image = handle}, 0);
  if (!imported) return tl::unexpected(std::move(imported.error()));
  memory_ = std::move(*imported);
  return {};
}

}  // namespace lumen::vulkan
