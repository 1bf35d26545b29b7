#include "zerocopy/vulkan/device.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

namespace lumen::vulkan {
namespace {

struct QueueChoice {
  std::uint32_t family = 0;
  QueueKind kind = QueueKind::kAuto;
};

/// What a family is good for here. Video and optical-flow families can copy too, but are busy with
/// other things: no kind.
std::optional<QueueKind> kind_of(VkQueueFlags flags) {
  constexpr VkQueueFlags kIrrelevant = VK_QUEUE_SPARSE_BINDING_BIT | VK_QUEUE_PROTECTED_BIT;
  flags &= ~kIrrelevant;
  if ((flags & VK_QUEUE_GRAPHICS_BIT) != 0) return QueueKind::kGraphics;
  if ((flags & ~VkQueueFlags{VK_QUEUE_TRANSFER_BIT}) == VK_QUEUE_COMPUTE_BIT) {
    return QueueKind::kCompute;
  }
  if (flags == VK_QUEUE_TRANSFER_BIT) return QueueKind::kTransfer;
  return std::nullopt;
}

std::optional<QueueChoice> choose_queue(const InstanceTable& table, VkPhysicalDevice device,
                                        QueueKind wanted) {
  std::uint32_t count = 0;
  table.vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  table.vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  for (const QueueKind kind : {QueueKind::kTransfer, QueueKind::kCompute, QueueKind::kGraphics}) {
    if (wanted != QueueKind::kAuto && wanted != kind) continue;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (kind_of(families[i].queueFlags) == kind) return QueueChoice{i, kind};
    }
  }
  return std::nullopt;
}

class Extensions {
 public:
  static Result<Extensions> of(const InstanceTable& table, VkPhysicalDevice device) {
    std::uint32_t count = 0;
    Extensions result;
    if (auto got =
            check(table.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr),
                  "vkEnumerateDeviceExtensionProperties");
        !got) {
      return tl::unexpected(std::move(got.error()));
    }
    result.available_.resize(count);
    if (auto got = check(table.vkEnumerateDeviceExtensionProperties(device, nullptr, &count,
                                                                    result.available_.data()),
                         "vkEnumerateDeviceExtensionProperties");
        !got) {
      return tl::unexpected(std::move(got.error()));
    }
    return result;
  }
  /// `name` must be a string constant.
  bool enable(const char* name) {
    const bool has = std::ranges::any_of(available_, [name](const VkExtensionProperties& one) {
      return std::strcmp(static_cast<const char*>(one.extensionName), name) == 0;
    });
    if (has) enabled_.push_back(name);
    return has;
  }
  [[nodiscard]] const std::vector<const char*>& enabled() const { return enabled_; }

 private:
  std::vector<VkExtensionProperties> available_;
  std::vector<const char*> enabled_;
};

bool exports_timeline(const InstanceTable& table, VkPhysicalDevice device) {
  VkSemaphoreTypeCreateInfo type{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
                                 .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
  const VkPhysicalDeviceExternalSemaphoreInfo info{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .pNext = &type,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_OPAQUE_FD_BIT};
  VkExternalSemaphoreProperties properties{.sType =
                                               VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES};
  table.vkGetPhysicalDeviceExternalSemaphoreProperties(device, &info, &properties);
  return (properties.externalSemaphoreFeatures & VK_EXTERNAL_SEMAPHORE_FEATURE_EXPORTABLE_BIT) != 0;
}

bool imports_sync_file(const InstanceTable& table, VkPhysicalDevice device) {
  const VkPhysicalDeviceExternalSemaphoreInfo info{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_SEMAPHORE_INFO,
      .handleType = VK_EXTERNAL_SEMAPHORE_HANDLE_TYPE_SYNC_FD_BIT};
  VkExternalSemaphoreProperties properties{.sType =
                                               VK_STRUCTURE_TYPE_EXTERNAL_SEMAPHORE_PROPERTIES};
  table.vkGetPhysicalDeviceExternalSemaphoreProperties(device, &info, &properties);
  return (properties.externalSemaphoreFeatures & VK_EXTERNAL_SEMAPHORE_FEATURE_IMPORTABLE_BIT) != 0;
}

Result<Instance::PhysicalDevice> find_device(const Instance& instance, const cuda::Uuid& uuid) {
  auto devices = instance.list_devices();
  if (!devices) return tl::unexpected(std::move(devices.error()));
  for (Instance::PhysicalDevice& device : *devices) {
    if (device.uuid != uuid) continue;
    if (device.api_version < VK_API_VERSION_1_2) {
      return fail(ErrorKind::kUnsupported, fmt::format("{} has no Vulkan 1.2", device.name),
                  "update the GPU driver");
    }
    return std::move(device);
  }
  return fail(
      ErrorKind::kUnsupported,
      fmt::format("Vulkan does not list the GPU that CUDA uses (UUID {})", cuda::to_string(uuid)),
      "install the Vulkan part of the NVIDIA driver (nvidia-vulkan-icd or the like)");
}

tl::unexpected<Error> missing_dmabuf(const std::string& device) {
  return fail(
      ErrorKind::kUnsupported,
      fmt::format("Vulkan on {} can't import dmabufs: no VK_EXT_external_memory_dma_buf", device),
      "on NVIDIA this means that the nvidia-drm module is not loaded, or not with modeset=1");
}

/// VkPhysicalDeviceDriverProperties are part of Vulkan 1.2.
std::string driver_of(const InstanceTable& table, VkPhysicalDevice device,
                      const VkPhysicalDeviceProperties& properties) {
  if (properties.apiVersion < VK_API_VERSION_1_2) {
    return fmt::format("{} {:#x}", static_cast<const char*>(properties.deviceName),
                       properties.driverVersion);
  }
  VkPhysicalDeviceDriverProperties driver{.sType =
                                              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceProperties2 all{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                  .pNext = &driver};
  table.vkGetPhysicalDeviceProperties2(device, &all);
  return fmt::format("{} {} ({:#x})", static_cast<const char*>(driver.driverName),
                     static_cast<const char*>(driver.driverInfo), properties.driverVersion);
}

}  // namespace

std::string_view to_string(QueueKind kind) {
  switch (kind) {
    case QueueKind::kAuto: return "any queue";
    case QueueKind::kTransfer: return "transfer queue";
    case QueueKind::kCompute: return "compute queue";
    case QueueKind::kGraphics: return "graphics queue";
  }
  return "queue";
}

Result<std::shared_ptr<const Instance>> Instance::create(std::shared_ptr<const Driver> driver) {
  const VkApplicationInfo application{.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                      .pApplicationName = "lumen",
                                      .apiVersion = VK_API_VERSION_1_2};
  const VkInstanceCreateInfo info{.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                  .pApplicationInfo = &application};
  VkInstance handle = VK_NULL_HANDLE;
  if (auto made = check(driver->vkCreateInstance(&info, nullptr, &handle), "vkCreateInstance");
      !made) {
    return tl::unexpected(std::move(made.error()));
  }
  auto table = InstanceTable::create(*driver, handle);
  if (!table) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyInstance>(
        driver->vkGetInstanceProcAddr(handle, "vkDestroyInstance"));
    if (destroy != nullptr) destroy(handle, nullptr);
    return tl::unexpected(std::move(table.error()));
  }
  return std::shared_ptr<const Instance>(new Instance(std::move(driver), handle, *table));
}

Instance::~Instance() { table_.vkDestroyInstance(handle_, nullptr); }

Result<std::vector<Instance::PhysicalDevice>> Instance::list_devices() const {
  std::uint32_t count = 0;
  if (auto got = check(table_.vkEnumeratePhysicalDevices(handle_, &count, nullptr),
                       "vkEnumeratePhysicalDevices");
      !got) {
    return tl::unexpected(std::move(got.error()));
  }
  std::vector<VkPhysicalDevice> handles(count);
  if (auto got = check(table_.vkEnumeratePhysicalDevices(handle_, &count, handles.data()),
                       "vkEnumeratePhysicalDevices");
      !got) {
    return tl::unexpected(std::move(got.error()));
  }
  std::vector<PhysicalDevice> result;
  for (const VkPhysicalDevice handle : handles) {
    VkPhysicalDeviceIDProperties id{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                           .pNext = &id};
    table_.vkGetPhysicalDeviceProperties2(handle, &properties);
    PhysicalDevice device{.handle = handle,
                          .name = static_cast<const char*>(properties.properties.deviceName),
                          .api_version = properties.properties.apiVersion};
    std::ranges::copy(id.deviceUUID, device.uuid.begin());
    device.driver = driver_of(table_, handle, properties.properties);
    result.push_back(std::move(device));
  }
  return result;
}

Result<std::shared_ptr<const Device>> Device::create(std::shared_ptr<const Instance> instance,
                                                     const cuda::Uuid& uuid,
                                                     DeviceSettings settings) {
  std::shared_ptr<Device> device(new Device(std::move(instance)));
  const InstanceTable& table = device->instance();
  auto physical = find_device(*device->instance_, uuid);
  if (!physical) return tl::unexpected(std::move(physical.error()));
  device->physical_ = std::move(*physical);
  device->source_ = settings.source;
  const VkPhysicalDevice gpu = device->physical();

  auto extensions = Extensions::of(table, gpu);
  if (!extensions) return tl::unexpected(std::move(extensions.error()));
  if (settings.source == SourceMemory::kDmaBuf &&
      !extensions->enable(VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME)) {
    return missing_dmabuf(device->name());
  }
  if (!extensions->enable(VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME)) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("Vulkan on {} can't share memory: no VK_KHR_external_memory_fd",
                            device->name()),
                "update the GPU driver");
  }
  device->features_.modifiers = extensions->enable(VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME);
  // Without the foreign family the external one is the nearest thing; drivers that lack it treat
  // both alike.
  const bool foreign = settings.source == SourceMemory::kDmaBuf &&
                       extensions->enable(VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME);
  device->source_family_ = foreign ? VK_QUEUE_FAMILY_FOREIGN_EXT : VK_QUEUE_FAMILY_EXTERNAL;

  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
  VkPhysicalDeviceFeatures2 has{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                .pNext = &timeline};
  table.vkGetPhysicalDeviceFeatures2(gpu, &has);
  has.features = {};
  if (extensions->enable(VK_KHR_EXTERNAL_SEMAPHORE_FD_EXTENSION_NAME)) {
    device->features_.timeline_export =
        timeline.timelineSemaphore == VK_TRUE && exports_timeline(table, gpu);
    device->features_.sync_file_import = imports_sync_file(table, gpu);
  }

  const auto choice = choose_queue(table, gpu, settings.queue);
  if (!choice) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("{} has no {}", device->name(), to_string(settings.queue)));
  }
  device->queue_family_ = choice->family;
  device->queue_kind_ = choice->kind;

  const float priority = 1.0F;
  const VkDeviceQueueCreateInfo queue{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = choice->family,
                                      .queueCount = 1,
                                      .pQueuePriorities = &priority};
  const VkDeviceCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .pNext = &has,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
      .enabledExtensionCount = static_cast<std::uint32_t>(extensions->enabled().size()),
      .ppEnabledExtensionNames = extensions->enabled().data()};
  VkDevice handle = VK_NULL_HANDLE;
  if (auto made = check(table.vkCreateDevice(gpu, &info, nullptr, &handle), "vkCreateDevice");
      !made) {
    return with_context(device->name(), std::move(made.error()));
  }
  auto functions = DeviceTable::create(table, handle);
  if (!functions) {
    const auto destroy =
        reinterpret_cast<PFN_vkDestroyDevice>(table.vkGetDeviceProcAddr(handle, "vkDestroyDevice"));
    if (destroy != nullptr) destroy(handle, nullptr);
    return with_context(device->name(), std::move(functions.error()));
  }
  device->handle_ = handle;
  device->table_ = *functions;
  device->table_.vkGetDeviceQueue(handle, choice->family, 0, &device->queue_);
  table.vkGetPhysicalDeviceMemoryProperties(gpu, &device->memory_);
  return device;
}

Device::~Device() {
  if (handle_ != VK_NULL_HANDLE) table_.vkDestroyDevice(handle_, nullptr);
}

VkExternalMemoryHandleTypeFlagBits Device::source_handle() const {
  return source_ == SourceMemory::kDmaBuf ? VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT
                                          : VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT;
}

std::optional<std::uint32_t> Device::memory_type(std::uint32_t allowed) const {
  const auto local = memory_type(allowed, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  return local ? local : memory_type(allowed, 0);
}

std::optional<std::uint32_t> Device::memory_type(std::uint32_t allowed,
                                                 VkMemoryPropertyFlags flags) const {
  for (std::uint32_t i = 0; i < memory_.memoryTypeCount; ++i) {
    const bool fits = (allowed >> i & 1U) != 0;
    if (fits && (memory_.memoryTypes[i].propertyFlags & flags) == flags) return i;
  }
  return std::nullopt;
}

}  // namespace lumen::vulkan
