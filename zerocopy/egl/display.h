// An initialized EGLDisplay on the GPU that CUDA works on, with the display's extension functions.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "zerocopy/egl/device.h"
#include "zerocopy/egl/driver.h"
#include "zerocopy/egl/gbm_device.h"

namespace lumen::egl {

/// Immutable after create(); any thread may call through it. Terminated at the end where EGL counts
/// references (EGL_KHR_display_reference); where it does not, the display is shared by everyone in
/// the process who asks for the same device, terminating it would pull it from under them, and it
/// stays.
class Display {
 public:
  /// The device platform first, GBM on the matching render node where that has no display.
  /// Errors: kUnsupported, no EGL display for this GPU; the message says what was tried.
  static Result<std::shared_ptr<const Display>> create(std::shared_ptr<const Driver> driver,
                                                       const cuda::DeviceInfo& device,
                                                       DeviceKind kind);
  /// By GBM on this node. Errors: kUnsupported.
  static Result<std::shared_ptr<const Display>> create_on_gbm(std::shared_ptr<const Driver> driver,
                                                              const std::string& node);
  Display(const Display&) = delete;
  ~Display();

  [[nodiscard]] const Driver& driver() const { return *driver_; }
  [[nodiscard]] EGLDisplay handle() const { return handle_; }
  [[nodiscard]] bool has(std::string_view extension) const {
    return has_extension(extensions_, extension);
  }
  /// EGL_VENDOR; "NVIDIA" for NVIDIA's driver.
  [[nodiscard]] const std::string& vendor() const { return vendor_; }
  /// "/dev/dri/…" behind it; empty where the kernel has none for this device.
  [[nodiscard]] const std::string& drm_node() const { return drm_node_; }
  [[nodiscard]] bool imports_dmabufs() const { return has("EGL_EXT_image_dma_buf_import"); }
  [[nodiscard]] bool lists_modifiers() const {
    return query_modifiers != nullptr && query_formats != nullptr;
  }

  /// GL can wait for another driver's sync_file.
  [[nodiscard]] bool waits_for_sync_files() const {
    return create_sync != nullptr && destroy_sync != nullptr && wait_sync != nullptr;
  }

  // Null where the display lacks the extension.
  PFNEGLCREATEIMAGEKHRPROC create_image = nullptr;              // EGL_KHR_image_base
  PFNEGLDESTROYIMAGEKHRPROC destroy_image = nullptr;            // EGL_KHR_image_base
  PFNEGLQUERYDMABUFFORMATSEXTPROC query_formats = nullptr;      // …dma_buf_import_modifiers
  PFNEGLQUERYDMABUFMODIFIERSEXTPROC query_modifiers = nullptr;  // …dma_buf_import_modifiers
  // EGL_ANDROID_native_fence_sync and EGL_KHR_wait_sync, both.
  PFNEGLCREATESYNCKHRPROC create_sync = nullptr;
  PFNEGLDESTROYSYNCKHRPROC destroy_sync = nullptr;
  PFNEGLWAITSYNCKHRPROC wait_sync = nullptr;

 private:
  explicit Display(std::shared_ptr<const Driver> driver) : driver_(std::move(driver)) {}
  /// `native` as the platform wants it.
  Result<void> open(EGLenum platform, void* native);

  std::shared_ptr<const Driver> driver_;
  std::unique_ptr<GbmDevice> gbm_;
  EGLDisplay handle_ = EGL_NO_DISPLAY;
  bool counted_ = false;  // EGL counts our reference
  bool initialized_ = false;
  std::string extensions_;
  std::string vendor_;
  std::string drm_node_;
};

}  // namespace lumen::egl
