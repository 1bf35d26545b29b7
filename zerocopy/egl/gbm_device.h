// A GBM device on one render node, for EGL's GBM platform. libgbm is loaded at run time.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "platform/dynamic_library.h"
#include "platform/linux/unique_fd.h"

namespace lumen::egl {

/// Destroys the device, then closes the node. Must outlive every display made on it.
class GbmDevice {
 public:
  /// Errors: kUnsupported, no libgbm or the node can't be opened (with errno) or used.
  static Result<std::unique_ptr<GbmDevice>> create(const std::string& render_node);
  GbmDevice(const GbmDevice&) = delete;
  ~GbmDevice() { destroy_(device_); }

  /// struct gbm_device*, for eglGetPlatformDisplay.
  [[nodiscard]] void* native() const { return device_; }

 private:
  // gbm.h, stable since Mesa 8.
  using Create = void* (*)(int fd);
  using Destroy = void (*)(void* device);

  GbmDevice(DynamicLibrary library, UniqueFd node, Destroy destroy, void* device)
      : library_(std::move(library)), node_(std::move(node)), destroy_(destroy), device_(device) {}

  DynamicLibrary library_;
  UniqueFd node_;
  Destroy destroy_;
  void* device_;
};

}  // namespace lumen::egl
