// One owner for any Vulkan object that a device destroys.
#pragma once

#include <utility>

#include "zerocopy/vulkan/driver.h"

namespace lumen::vulkan {

/// Destroys its handle at the end. The VkDevice must outlive it: declare it after whatever keeps
/// the device. The caller sees to it that the GPU is done with the object.
template <typename Handle>
class DeviceObject {
 public:
  using Destroy = void(VKAPI_PTR*)(VkDevice, Handle, const VkAllocationCallbacks*);

  DeviceObject() = default;
  /// Takes ownership.
  DeviceObject(VkDevice device, Handle handle, Destroy destroy)
      : device_(device), handle_(handle), destroy_(destroy) {}
  DeviceObject(DeviceObject&& other) noexcept
      : device_(other.device_),
        handle_(std::exchange(other.handle_, VK_NULL_HANDLE)),
        destroy_(other.destroy_) {}
  DeviceObject& operator=(DeviceObject&& other) noexcept {
    if (this != &other) {
      reset();
      device_ = other.device_;
      handle_ = std::exchange(other.handle_, VK_NULL_HANDLE);
      destroy_ = other.destroy_;
    }
    return *this;
  }
  ~DeviceObject() { reset(); }

  [[nodiscard]] Handle borrow() const { return handle_; }
  [[nodiscard]] explicit operator bool() const { return handle_ != VK_NULL_HANDLE; }
  void reset() {
    const Handle handle = std::exchange(handle_, VK_NULL_HANDLE);
    if (handle != VK_NULL_HANDLE) destroy_(device_, handle, nullptr);
  }

 private:
  VkDevice device_ = VK_NULL_HANDLE;
  Handle handle_ = VK_NULL_HANDLE;
  Destroy destroy_ = nullptr;
};

}  // namespace lumen::vulkan
