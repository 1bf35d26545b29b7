#include "zerocopy/vulkan/formats.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace lumen::vulkan {
namespace {

constexpr std::array kFormats{Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA,
                              Fourcc::kXR30, Fourcc::kXB30, Fourcc::kAR30, Fourcc::kAB30};

struct ImageSupport {
  bool importable = false;
  VkExtent3D limit{};
};

ImageSupport query_image(const Device& device, VkFormat format, Modifier modifier) {
  const VkPhysicalDeviceExternalImageFormatInfo external{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
      .handleType = device.source_handle()};
  const VkPhysicalDeviceImageDrmFormatModifierInfoEXT layout{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT,
      .pNext = &external,
      .drmFormatModifier = modifier.value,
      .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  const VkPhysicalDeviceImageFormatInfo2 info{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
      .pNext = &layout,
      .format = format,
      .type = VK_IMAGE_TYPE_2D,
      .tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
      .usage = VK_IMAGE_USAGE_TRANSFER_SRC_BIT};
  VkExternalImageFormatProperties sharing{.sType =
                                              VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES};
  VkImageFormatProperties2 properties{.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2,
                                      .pNext = &sharing};
  if (device.instance().vkGetPhysicalDeviceImageFormatProperties2(device.physical(), &info,
                                                                  &properties) != VK_SUCCESS) {
    return {};
  }
  return {(sharing.externalMemoryProperties.externalMemoryFeatures &
           VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0,
          properties.imageFormatProperties.maxExtent};
}

}  // namespace

VkFormat to_vulkan(Fourcc format) {
  switch (format) {
    case Fourcc::kBGRx:
    case Fourcc::kBGRA: return VK_FORMAT_B8G8R8A8_UNORM;
    case Fourcc::kRGBx:
    case Fourcc::kRGBA: return VK_FORMAT_R8G8B8A8_UNORM;
    // Packed formats are named from a word's top, as DRM's are.
    case Fourcc::kXR30:
    case Fourcc::kAR30: return VK_FORMAT_A2R10G10B10_UNORM_PACK32;
    case Fourcc::kXB30:
    case Fourcc::kAB30: return VK_FORMAT_A2B10G10R10_UNORM_PACK32;
    default: return VK_FORMAT_UNDEFINED;
  }
}

bool is_compressed(Modifier modifier) {
  constexpr std::uint64_t kNvidia = 0x03;         // DRM_FORMAT_MOD_VENDOR_NVIDIA
  constexpr std::uint64_t kBlockLinear = 1 << 4;  // always set in block-linear layouts
  return modifier.value >> 56 == kNvidia && (modifier.value & kBlockLinear) != 0 &&
         (modifier.value >> 23 & 7) != 0;
}

void sort_best_first(std::vector<Modifier>& modifiers) {
  const auto rank = [](Modifier modifier) {
    if (modifier == kModifierLinear) return 2;
    return is_compressed(modifier) ? 1 : 0;
  };
  std::ranges::stable_sort(modifiers, {}, rank);
}

BufferSupport query_buffer_support(const Device& device) {
  const VkPhysicalDeviceExternalBufferInfo info{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
      .usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
      .handleType = device.source_handle()};
  VkExternalBufferProperties properties{.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};
  device.instance().vkGetPhysicalDeviceExternalBufferProperties(device.physical(), &info,
                                                                &properties);
  const VkExternalMemoryProperties& memory = properties.externalMemoryProperties;
  const bool importable =
      (memory.externalMemoryFeatures & VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0;
  return {importable, importable && (memory.exportFromImportedHandleTypes &
                                     VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT) != 0};
}

std::vector<Modifier> query_modifiers(const Device& device, Fourcc format) {
  const VkFormat vk_format = to_vulkan(format);
  if (!device.features().modifiers || vk_format == VK_FORMAT_UNDEFINED) return {};
  VkDrmFormatModifierPropertiesListEXT list{
      .sType = VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT};
  VkFormatProperties2 properties{.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, .pNext = &list};
  const InstanceTable& table = device.instance();
  table.vkGetPhysicalDeviceFormatProperties2(device.physical(), vk_format, &properties);
  std::vector<VkDrmFormatModifierPropertiesEXT> entries(list.drmFormatModifierCount);
  list.pDrmFormatModifierProperties = entries.data();
  table.vkGetPhysicalDeviceFormatProperties2(device.physical(), vk_format, &properties);

  std::vector<Modifier> result;
  for (const VkDrmFormatModifierPropertiesEXT& entry : entries) {
    const Modifier modifier{entry.drmFormatModifier};
    const bool copies =
        (entry.drmFormatModifierTilingFeatures & VK_FORMAT_FEATURE_TRANSFER_SRC_BIT) != 0;
    // More than one memory plane (compression data beside the pixels) is none of NVIDIA's layouts.
    if (entry.drmFormatModifierPlaneCount != 1 || !copies) continue;
    if (query_image(device, vk_format, modifier).importable) result.push_back(modifier);
  }
  return result;
}

Result<void> check_image(const Device& device, Fourcc format, Modifier modifier, Extent size) {
  const auto supported = query_modifiers(device, format);
  if (std::ranges::find(supported, modifier) == supported.end()) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("Vulkan on {} can't import {} with modifier {}", device.name(),
                            to_string(format), to_string(modifier)));
  }
  const VkExtent3D limit = query_image(device, to_vulkan(format), modifier).limit;
  if (size.width > limit.width || size.height > limit.height) {
    return fail(ErrorKind::kFormatRejected,
                fmt::format("Vulkan on {} imports pictures up to {}x{}, not {}x{}", device.name(),
                            limit.width, limit.height, size.width, size.height));
  }
  return {};
}

std::vector<FormatOffer> query_offers(const Device& device) {
  const bool linear = query_buffer_support(device).importable;
  std::vector<FormatOffer> offers;
  for (const Fourcc format : kFormats) {
    std::vector<Modifier> modifiers = query_modifiers(device, format);
    if (linear && std::ranges::find(modifiers, kModifierLinear) == modifiers.end()) {
      modifiers.push_back(kModifierLinear);
    }
    if (modifiers.empty()) continue;
    sort_best_first(modifiers);
    offers.push_back({format, std::move(modifiers)});
  }
  return offers;
}

}  // namespace lumen::vulkan
