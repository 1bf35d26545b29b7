// The GPU that lumen works on: its primary context and one stream, which orders all of lumen's work
// (copies, conversion, the encoder's input) without a CPU wait.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "zerocopy/cuda/driver.h"

namespace lumen::cuda {

/// CUDA's device UUID equals VkPhysicalDeviceIDProperties::deviceUUID of the same GPU.
using Uuid = std::array<std::uint8_t, 16>;
std::string to_string(const Uuid& uuid);  // 8-4-4-4-12 lower-case hexadecimal

struct DeviceInfo {
  int ordinal = 0;
  std::string name;
  Uuid uuid{};
  std::string pci_bus_id;  // "0000:01:00.0", lower case; as in /sys/bus/pci/devices
  int compute_major = 0;
  int compute_minor = 0;
};

/// All GPUs that CUDA sees. kUnsupported where there is none.
Result<std::vector<DeviceInfo>> list_devices(const Driver& driver);

/// Owns a reference to the device's primary context and a non-blocking stream. Thread-safe except
/// for Current, which belongs to the thread that made it.
class Context {
 public:
  /// `device` of list_devices(). Errors: as Driver::check().
  static Result<std::shared_ptr<Context>> create(std::shared_ptr<const Driver> driver,
                                                 const DeviceInfo& device);
  Context(const Context&) = delete;
  ~Context();

  /// The context is current on this thread for the scope's life. Scopes nest.
  class Current {
   public:
    Current(Current&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
    Current& operator=(Current&&) = delete;
    ~Current();

   private:
    friend class Context;
    explicit Current(const Context* context) : context_(context) {}
    const Context* context_;
  };
  Result<Current> make_current() const;

  [[nodiscard]] const Driver& driver() const { return *driver_; }
  [[nodiscard]] const DeviceInfo& device() const { return device_; }
  [[nodiscard]] CUcontext handle() const { return context_; }
  [[nodiscard]] CUstream stream() const { return stream_; }

  /// Waits until all work on stream() is done. The context must be current.
  Result<void> synchronize() const;

 private:
  Context(std::shared_ptr<const Driver> driver, DeviceInfo device)
      : driver_(std::move(driver)), device_(std::move(device)) {}

  std::shared_ptr<const Driver> driver_;
  DeviceInfo device_;
  CUdevice handle_ = 0;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
};

}  // namespace lumen::cuda
