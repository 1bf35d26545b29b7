#include "zerocopy/vulkan/driver.h"

#include <utility>

#include <fmt/format.h>

#include "platform/dynamic_library.h"

namespace lumen::vulkan {
namespace {

ErrorKind kind_of(VkResult result) {
  switch (result) {
    case VK_ERROR_DEVICE_LOST: return ErrorKind::kDeviceLost;
    case VK_ERROR_OUT_OF_HOST_MEMORY:
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    case VK_ERROR_TOO_MANY_OBJECTS: return ErrorKind::kIo;
    case VK_ERROR_FORMAT_NOT_SUPPORTED:
    case VK_ERROR_INVALID_EXTERNAL_HANDLE:
    case VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT: return ErrorKind::kFormatRejected;
    default: return ErrorKind::kUnsupported;
  }
}

std::string hint_of(VkResult result) {
  switch (result) {
    case VK_ERROR_INCOMPATIBLE_DRIVER: return "install the GPU driver's Vulkan part";
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
      return "GPU memory is used up: close other programs or stream smaller";
    default: return {};
  }
}

tl::unexpected<Error> missing_function(const char* name) {
  return fail(ErrorKind::kUnsupported, fmt::format("the Vulkan driver has no {}", name),
              "a driver with Vulkan 1.2 is needed");
}

}  // namespace

Result<InstanceTable> InstanceTable::create(const Driver& driver, VkInstance instance) {
  InstanceTable table;
#define LUMEN_VULKAN_FIND(name)                                                             \
  table.name = reinterpret_cast<PFN_##name>(driver.vkGetInstanceProcAddr(instance, #name)); \
  if (table.name == nullptr) return missing_function(#name);
  LUMEN_VULKAN_INSTANCE(LUMEN_VULKAN_FIND)
#undef LUMEN_VULKAN_FIND
  return table;
}

Result<DeviceTable> DeviceTable::create(const InstanceTable& instance, VkDevice device) {
  DeviceTable table;
#define LUMEN_VULKAN_FIND(name) \
  table.name = reinterpret_cast<PFN_##name>(instance.vkGetDeviceProcAddr(device, #name));
  LUMEN_VULKAN_DEVICE(LUMEN_VULKAN_FIND)
  LUMEN_VULKAN_DEVICE_OPTIONAL(LUMEN_VULKAN_FIND)
#undef LUMEN_VULKAN_FIND
#define LUMEN_VULKAN_NEED(name) \
  if (table.name == nullptr) return missing_function(#name);
  LUMEN_VULKAN_DEVICE(LUMEN_VULKAN_NEED)
#undef LUMEN_VULKAN_NEED
  return table;
}

Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname) {
  auto library = load_library(soname);
  if (!library) {
    Error error = std::move(library.error());
    error.message = "no Vulkan loader: " + error.message;
    error.hint = "install libvulkan1";
    return tl::unexpected(std::move(error));
  }
  auto driver = std::make_shared<Driver>();
#define LUMEN_VULKAN_FIND(name)                                              \
  driver->name = reinterpret_cast<PFN_##name>(find_symbol(*library, #name)); \
  if (driver->name == nullptr) return missing_function(#name);
  LUMEN_VULKAN_GLOBAL(LUMEN_VULKAN_FIND)
#undef LUMEN_VULKAN_FIND
  std::uint32_t version = 0;
  if (auto got = check(driver->vkEnumerateInstanceVersion(&version), "vkEnumerateInstanceVersion");
      !got) {
    return tl::unexpected(std::move(got.error()));
  }
  if (version < VK_API_VERSION_1_2) {
    return fail(ErrorKind::kUnsupported, "the Vulkan loader is older than Vulkan 1.2",
                "update libvulkan1");
  }
  driver->library = std::make_shared<DynamicLibrary>(std::move(*library));
  return driver;
}

std::string to_string(VkResult result) {
  switch (result) {
#define LUMEN_VULKAN_NAME(name) \
  case name: return #name;
    LUMEN_VULKAN_NAME(VK_SUCCESS)
    LUMEN_VULKAN_NAME(VK_NOT_READY)
    LUMEN_VULKAN_NAME(VK_TIMEOUT)
    LUMEN_VULKAN_NAME(VK_ERROR_OUT_OF_HOST_MEMORY)
    LUMEN_VULKAN_NAME(VK_ERROR_OUT_OF_DEVICE_MEMORY)
    LUMEN_VULKAN_NAME(VK_ERROR_INITIALIZATION_FAILED)
    LUMEN_VULKAN_NAME(VK_ERROR_DEVICE_LOST)
    LUMEN_VULKAN_NAME(VK_ERROR_LAYER_NOT_PRESENT)
    LUMEN_VULKAN_NAME(VK_ERROR_EXTENSION_NOT_PRESENT)
    LUMEN_VULKAN_NAME(VK_ERROR_FEATURE_NOT_PRESENT)
    LUMEN_VULKAN_NAME(VK_ERROR_INCOMPATIBLE_DRIVER)
    LUMEN_VULKAN_NAME(VK_ERROR_TOO_MANY_OBJECTS)
    LUMEN_VULKAN_NAME(VK_ERROR_FORMAT_NOT_SUPPORTED)
    LUMEN_VULKAN_NAME(VK_ERROR_INVALID_EXTERNAL_HANDLE)
    LUMEN_VULKAN_NAME(VK_ERROR_INVALID_DRM_FORMAT_MODIFIER_PLANE_LAYOUT_EXT)
    LUMEN_VULKAN_NAME(VK_ERROR_UNKNOWN)
#undef LUMEN_VULKAN_NAME
    default: return fmt::format("VkResult {}", static_cast<int>(result));
  }
}

Result<void> check(VkResult result, std::string_view call) {
  if (result == VK_SUCCESS) return {};
  Error error;
  error.kind = kind_of(result);
  error.message = fmt::format("{}: {}", call, to_string(result));
  error.hint = hint_of(result);
  error.domain = "vulkan";
  error.code = static_cast<int>(result);
  return tl::unexpected(std::move(error));
}

}  // namespace lumen::vulkan
