// libvulkan.so.1 as immutable tables of functions, loaded at run time: one binary runs on a machine
// with no Vulkan. Three tables because Vulkan has three levels; each level's functions are fetched
// from the handle that they belong to, which skips the loader's trampolines.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#ifndef VK_NO_PROTOTYPES
#define VK_NO_PROTOTYPES
#endif
#include <vulkan/vulkan.h>

#include "core/error.h"

namespace lumen::vulkan {

#define LUMEN_VULKAN_GLOBAL(X)  \
  X(vkCreateInstance)           \
  X(vkEnumerateInstanceVersion) \
  X(vkGetInstanceProcAddr)

#define LUMEN_VULKAN_INSTANCE(X)                    \
  X(vkDestroyInstance)                              \
  X(vkEnumeratePhysicalDevices)                     \
  X(vkEnumerateDeviceExtensionProperties)           \
  X(vkGetPhysicalDeviceProperties2)                 \
  X(vkGetPhysicalDeviceFeatures2)                   \
  X(vkGetPhysicalDeviceMemoryProperties)            \
  X(vkGetPhysicalDeviceQueueFamilyProperties)       \
  X(vkGetPhysicalDeviceFormatProperties2)           \
  X(vkGetPhysicalDeviceImageFormatProperties2)      \
  X(vkGetPhysicalDeviceExternalBufferProperties)    \
  X(vkGetPhysicalDeviceExternalSemaphoreProperties) \
  X(vkCreateDevice)                                 \
  X(vkGetDeviceProcAddr)

#define LUMEN_VULKAN_DEVICE(X)      \
  X(vkDestroyDevice)                \
  X(vkGetDeviceQueue)               \
  X(vkQueueSubmit)                  \
  X(vkQueueWaitIdle)                \
  X(vkAllocateMemory)               \
  X(vkFreeMemory)                   \
  X(vkCreateBuffer)                 \
  X(vkDestroyBuffer)                \
  X(vkGetBufferMemoryRequirements2) \
  X(vkBindBufferMemory)             \
  X(vkCreateImage)                  \
  X(vkDestroyImage)                 \
  X(vkGetImageMemoryRequirements2)  \
  X(vkGetImageSubresourceLayout)    \
  X(vkBindImageMemory)              \
  X(vkMapMemory)                    \
  X(vkUnmapMemory)                  \
  X(vkCreateFence)                  \
  X(vkDestroyFence)                 \
  X(vkResetFences)                  \
  X(vkWaitForFences)                \
  X(vkCreateSemaphore)              \
  X(vkDestroySemaphore)             \
  X(vkGetSemaphoreCounterValue)     \
  X(vkWaitSemaphores)               \
  X(vkSignalSemaphore)              \
  X(vkCreateCommandPool)            \
  X(vkDestroyCommandPool)           \
  X(vkAllocateCommandBuffers)       \
  X(vkFreeCommandBuffers)           \
  X(vkBeginCommandBuffer)           \
  X(vkEndCommandBuffer)             \
  X(vkCmdPipelineBarrier)           \
  X(vkCmdCopyBuffer)                \
  X(vkCmdCopyImageToBuffer)         \
  X(vkCmdCopyBufferToImage)         \
  X(vkGetMemoryFdKHR)

// Null where the device has not enabled the extension; whoever needs one checks first.
#define LUMEN_VULKAN_DEVICE_OPTIONAL(X) \
  X(vkGetMemoryFdPropertiesKHR)         \
  X(vkGetSemaphoreFdKHR)                \
  X(vkImportSemaphoreFdKHR)             \
  X(vkGetImageDrmFormatModifierPropertiesEXT)

#define LUMEN_VULKAN_MEMBER(name) PFN_##name name = nullptr;

/// What exists before an instance.
struct Driver {
  LUMEN_VULKAN_GLOBAL(LUMEN_VULKAN_MEMBER)
  std::shared_ptr<void> library;  // keeps the functions' code loaded
};

struct InstanceTable {
  LUMEN_VULKAN_INSTANCE(LUMEN_VULKAN_MEMBER)
  /// Missing required functions: kUnsupported, by name.
  static Result<InstanceTable> create(const Driver& driver, VkInstance instance);
};

struct DeviceTable {
  LUMEN_VULKAN_DEVICE(LUMEN_VULKAN_MEMBER)
  LUMEN_VULKAN_DEVICE_OPTIONAL(LUMEN_VULKAN_MEMBER)
  /// Missing required functions: kUnsupported, by name.
  static Result<DeviceTable> create(const InstanceTable& instance, VkDevice device);
};

#undef LUMEN_VULKAN_MEMBER

/// Loads the Vulkan loader; starts nothing. kUnsupported with a hint where there is none or it is
/// older than Vulkan 1.2.
Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname = "libvulkan.so.1");

/// "VK_ERROR_DEVICE_LOST" or "VkResult -1234".
std::string to_string(VkResult result);

/// An error for anything but success. kDeviceLost: the device is gone; kIo: out of memory;
/// kFormatRejected: this image or handle can't be taken; kUnsupported: the rest. Domain "vulkan".
[[nodiscard]] Result<void> check(VkResult result, std::string_view call);

}  // namespace lumen::vulkan
