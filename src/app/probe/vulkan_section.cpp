#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "app/probe/formats_json.h"
#include "app/probe/sections.h"
#include "zerocopy/vulkan/device.h"
#include "zerocopy/vulkan/formats.h"

namespace lumen::probe {
namespace {

constexpr std::array<std::string_view, 6> kExtensions = {
    VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME,        VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME,
    VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME, VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME,
    VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME,     VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME};

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
                     VK_API_VERSION_PATCH(version));
}

std::vector<std::string> extension_names(const vulkan::InstanceTable& table,
                                         VkPhysicalDevice device) {
  std::uint32_t count = 0;
  if (table.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr) != VK_SUCCESS) {
    return {};
  }
  std::vector<VkExtensionProperties> properties(count);
  if (table.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, properties.data()) !=
      VK_SUCCESS) {
    return {};
  }
  std::vector<std::string> names;
  for (const VkExtensionProperties& one : properties) {
    names.emplace_back(static_cast<const char*>(one.extensionName));
  }
  return names;
}

std::string driver_text(const vulkan::InstanceTable& table,
                        const vulkan::Instance::PhysicalDevice& device) {
  if (device.api_version < VK_API_VERSION_1_2) return {};
  VkPhysicalDeviceDriverProperties driver{.sType =
                                              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                         .pNext = &driver};
  table.vkGetPhysicalDeviceProperties2(device.handle, &properties);
  return fmt::format("{} {}", static_cast<const char*>(driver.driverName),
                     static_cast<const char*>(driver.driverInfo));
}

Json ask_device(const std::shared_ptr<const vulkan::Instance>& instance,
                const vulkan::Instance::PhysicalDevice& physical) {
  Json answer = {{"name", physical.name},
                 {"uuid", cuda::to_string(physical.uuid)},
                 {"api", version_text(physical.api_version)},
                 {"driver", driver_text(instance->table(), physical)},
                 {"extensions", Json::array()}};
  const auto names = extension_names(instance->table(), physical.handle);
  for (const std::string_view name : kExtensions) {
    answer["extensions"].push_back(
        {{"name", name}, {"present", std::ranges::find(names, name) != names.end()}});
  }
  auto device = vulkan::Device::create(instance, physical.uuid, {});
  if (!device) {
    answer.update(failed(device.error()));
    return answer;
  }
  const vulkan::Device::Features& features = (*device)->features();
  answer["ok"] = true;
  answer["queue"] = vulkan::to_string((*device)->queue_kind());
  answer["features"] = {{"modifiers", features.modifiers},
                        {"timeline_export", features.timeline_export},
                        {"sync_file_import", features.sync_file_import}};
  answer["in_place"] = vulkan::query_buffer_support(**device).in_place;
  answer["formats"] = Json::array();
  for (const FormatOffer& offer : vulkan::query_offers(**device)) {
    answer["formats"].push_back(to_json(offer.format, offer.modifiers));
  }
  return answer;
}

}  // namespace

Json ask_vulkan() {
  auto driver = vulkan::load_driver();
  if (!driver) return failed(driver.error());
  auto instance = vulkan::Instance::create(*driver);
  if (!instance) return failed(instance.error());
  auto devices = (*instance)->list_devices();
  if (!devices) return failed(devices.error());
  Json answer = {{"ok", true}, {"devices", Json::array()}};
  for (const auto& device : *devices) answer["devices"].push_back(ask_device(*instance, device));
  return answer;
}

}  // namespace lumen::probe
