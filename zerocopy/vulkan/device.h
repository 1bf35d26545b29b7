// The Vulkan device that is the same GPU as a CUDA device, with one queue, and what it can do for
// sharing memory with others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/vulkan/driver.h"

namespace lumen::vulkan {

/// In which form a producer's memory comes. Opaque descriptors of a second VkDevice stand in for
/// dmabufs on machines that have none.
enum class SourceMemory { kDmaBuf, kOpaqueFd };

/// Which queue family copies. On NVIDIA the transfer-only family runs beside CUDA, while the
/// graphics queue makes the GPU switch between contexts for about 150 µs each way (measured, driver
/// 580).
enum class QueueKind {
  kAuto,      // transfer-only, else compute, else graphics
  kTransfer,  // a family that can only copy
  kCompute,   // compute without graphics
  kGraphics,
};
std::string_view to_string(QueueKind kind);

struct DeviceSettings {
  SourceMemory source = SourceMemory::kDmaBuf;
  QueueKind queue = QueueKind::kAuto;  // any other value: kUnsupported where there is none
};

/// Owned VkInstance. Thread-safe.
class Instance {
 public:
  static Result<std::shared_ptr<const Instance>> create(std::shared_ptr<const Driver> driver);
  Instance(const Instance&) = delete;
  ~Instance();

  struct PhysicalDevice {
    VkPhysicalDevice handle = VK_NULL_HANDLE;
    std::string name;
    cuda::Uuid uuid{};  // VkPhysicalDeviceIDProperties::deviceUUID
    std::uint32_t api_version = 0;
    std::string driver;  // name and version, of VkPhysicalDeviceDriverProperties where it has them
  };
  [[nodiscard]] Result<std::vector<PhysicalDevice>> list_devices() const;

  [[nodiscard]] const InstanceTable& table() const { return table_; }

 private:
  Instance(std::shared_ptr<const Driver> driver, VkInstance handle, const InstanceTable& table)
      : driver_(std::move(driver)), handle_(handle), table_(table) {}

  std::shared_ptr<const Driver> driver_;
  VkInstance handle_;
  InstanceTable table_;
};

/// Owned VkDevice. The queue belongs to one thread at a time; everything else is thread-safe.
class Device {
 public:
  /// Errors: kUnsupported, with a hint: no such GPU in Vulkan, or an extension that it lacks.
  static Result<std::shared_ptr<const Device>> create(std::shared_ptr<const Instance> instance,
                                                      const cuda::Uuid& uuid,
                                                      DeviceSettings settings);
  Device(const Device&) = delete;
  ~Device();

  struct Features {
    bool modifiers = false;         // VK_EXT_image_drm_format_modifier
    bool timeline_export = false;   // a timeline semaphore can leave as OPAQUE_FD
    bool sync_file_import = false;  // a binary semaphore can be made from a sync_file
  };
  [[nodiscard]] const Features& features() const { return features_; }

  [[nodiscard]] const InstanceTable& instance() const { return instance_->table(); }
  [[nodiscard]] const DeviceTable& table() const { return table_; }
  [[nodiscard]] VkPhysicalDevice physical() const { return physical_.handle; }
  [[nodiscard]] const std::string& name() const { return physical_.name; }
  [[nodiscard]] const std::string& driver() const { return physical_.driver; }
  [[nodiscard]] VkDevice handle() const { return handle_; }
  [[nodiscard]] VkQueue queue() const { return queue_; }
  [[nodiscard]] std::uint32_t queue_family() const { return queue_family_; }
  [[nodiscard]] QueueKind queue_kind() const { return queue_kind_; }

  [[nodiscard]] VkExternalMemoryHandleTypeFlagBits source_handle() const;
  /// The queue family that stands for the producer in ownership transfers.
  [[nodiscard]] std::uint32_t source_family() const { return source_family_; }

  /// The first memory type of `allowed`, those with device-local memory first.
  [[nodiscard]] std::optional<std::uint32_t> memory_type(std::uint32_t allowed) const;
  /// The first memory type of `allowed` with all of `flags`.
  [[nodiscard]] std::optional<std::uint32_t> memory_type(std::uint32_t allowed,
                                                         VkMemoryPropertyFlags flags) const;

 private:
  explicit Device(std::shared_ptr<const Instance> instance) : instance_(std::move(instance)) {}

  std::shared_ptr<const Instance> instance_;
  Instance::PhysicalDevice physical_;
  VkDevice handle_ = VK_NULL_HANDLE;
  DeviceTable table_;
  VkQueue queue_ = VK_NULL_HANDLE;
  std::uint32_t queue_family_ = 0;
  QueueKind queue_kind_ = QueueKind::kAuto;
  SourceMemory source_ = SourceMemory::kDmaBuf;
  std::uint32_t source_family_ = 0;
  Features features_;
  VkPhysicalDeviceMemoryProperties memory_{};
};

}  // namespace lumen::vulkan
