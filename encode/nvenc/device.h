// What differs between a CUDA device on Linux and a DirectX device on Windows: whom the session
// belongs to, and how a frame becomes a resource that can be registered.
#pragma once

#include <memory>
#include <utility>

#include "encode/nvenc/driver.h"
#include "zerocopy/frame.h"

namespace lumen::nvenc {

/// A frame's memory as NVENC registers it.
struct InputResource {
  NV_ENC_INPUT_RESOURCE_TYPE type = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR;
  void* handle = nullptr;
  std::uint32_t pitch = 0;  // of the first plane, in bytes; 0: not for the client to know
  NV_ENC_BUFFER_FORMAT format = NV_ENC_BUFFER_FORMAT_NV12;
  /// Keeps the memory, not the pixels; see CudaBuffer::allocation.
  std::shared_ptr<void> allocation;
};

class Device {
 public:
  virtual ~Device() = default;

  [[nodiscard]] virtual NV_ENC_DEVICE_TYPE type() const = 0;
  [[nodiscard]] virtual void* handle() const = 0;
  /// Where it would rather have its frames, and of which formats it has them there.
  [[nodiscard]] virtual FrameMemory memory() const = 0;
  [[nodiscard]] virtual bool takes(Fourcc format) const = 0;

  /// Brings a frame into the device's memory where it is not there yet, without waiting for it.
  /// Errors: kInvalidArgument, not a frame for this device; kRetry; kDeviceLost, kIo.
  virtual Result<Frame> bring(const Frame& frame) = 0;
  /// Of a frame that bring() gave.
  virtual Result<InputResource> resource(const Frame& frame) = 0;
  /// Tells a new session how its work is ordered with the device's other work.
  virtual Result<void> order(const Driver& driver, void* session) = 0;

  /// NVENC is called with the device current on the thread, for the scope's life.
  class Scope {
   public:
    Scope(Scope&& other) noexcept : device_(std::exchange(other.device_, nullptr)) {}
    Scope& operator=(Scope&&) = delete;
    ~Scope() {
      if (device_ != nullptr) device_->leave();
    }

   private:
    friend class Device;
    explicit Scope(Device* device) : device_(device) {}
    Device* device_;
  };
  /// Any thread. Scopes nest.
  Result<Scope> make_current() {
    auto entered = enter();
    if (!entered) return tl::unexpected(std::move(entered.error()));
    return Scope(this);
  }

 private:
  virtual Result<void> enter() = 0;
  virtual void leave() = 0;
};

}  // namespace lumen::nvenc
