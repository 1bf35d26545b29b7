#include "zerocopy/egl/display.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace lumen::egl {

Result<void> Display::open(EGLenum platform, void* native) {
  counted_ = driver_->has_client("EGL_KHR_display_reference");
  std::array<EGLint, 3> attributes{EGL_NONE};
  if (counted_) attributes = {EGL_TRACK_REFERENCES_KHR, EGL_TRUE, EGL_NONE};
  handle_ = driver_->eglGetPlatformDisplayEXT(platform, native, attributes.data());
  if (handle_ == EGL_NO_DISPLAY) {
    return driver_->error(ErrorKind::kUnsupported, "eglGetPlatformDisplay");
  }
  EGLint major = 0;
  EGLint minor = 0;
  if (driver_->eglInitialize(handle_, &major, &minor) != EGL_TRUE) {
    return driver_->error(ErrorKind::kUnsupported, "eglInitialize");
  }
  initialized_ = true;
  const auto text = [&](EGLint name) -> std::string {
    const char* const value = driver_->eglQueryString(handle_, name);
    return value == nullptr ? "" : value;
  };
  extensions_ = text(EGL_EXTENSIONS);
  vendor_ = text(EGL_VENDOR);

  const auto load = [&]<typename Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(driver_->eglGetProcAddress(name));
  };
  if (has("EGL_KHR_image_base")) {
    load(create_image, "eglCreateImageKHR");
    load(destroy_image, "eglDestroyImageKHR");
  }
  if (has("EGL_EXT_image_dma_buf_import_modifiers")) {
    load(query_formats, "eglQueryDmaBufFormatsEXT");
    load(query_modifiers, "eglQueryDmaBufModifiersEXT");
  }
  if (has("EGL_ANDROID_native_fence_sync") && has("EGL_KHR_wait_sync")) {
    load(create_sync, "eglCreateSyncKHR");
    load(destroy_sync, "eglDestroySyncKHR");
    load(wait_sync, "eglWaitSyncKHR");
  }
  if (create_image == nullptr || destroy_image == nullptr) {
    return fail(ErrorKind::kUnsupported, "EGL can't make images (no EGL_KHR_image_base)");
  }
  return {};
}

Display::~Display() {
  if (initialized_ && counted_) driver_->eglTerminate(handle_);
  // EGL keeps using the native device of a display that was not terminated.
  if (initialized_ && !counted_ && gbm_ != nullptr) static_cast<void>(gbm_.release());
}

Result<std::shared_ptr<const Display>> Display::create(std::shared_ptr<const Driver> driver,
                                                       const cuda::DeviceInfo& device,
                                                       DeviceKind kind) {
  if (driver->eglGetPlatformDisplayEXT == nullptr) {
    return fail(ErrorKind::kUnsupported, "EGL can't choose a platform (no EGL_EXT_platform_base)");
  }
  std::string tried;
  const std::vector<EglDevice> devices = list_devices(*driver);
  const EglDevice* const match = match_device(devices, device, kind);
  if (match != nullptr && driver->has_client("EGL_EXT_platform_device")) {
    std::shared_ptr<Display> display(new Display(driver));
    auto opened = display->open(EGL_PLATFORM_DEVICE_EXT, match->handle);
    if (opened) {
      display->drm_node_ = match->drm_node;
      return display;
    }
    tried = "device platform: " + opened.error().message;
  } else {
    tried = fmt::format("none of EGL's {} devices is CUDA's {}", devices.size(), device.name);
  }
  if (kind == DeviceKind::kSoftware) return fail(ErrorKind::kUnsupported, tried);

  const std::string node = render_node_of_pci(device.pci_bus_id);
  if (node.empty()) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("{}; {} has no render node for GBM", tried, device.pci_bus_id));
  }
  auto display = create_on_gbm(std::move(driver), node);
  if (!display) return with_context(tried, std::move(display.error()));
  return display;
}

Result<std::shared_ptr<const Display>> Display::create_on_gbm(std::shared_ptr<const Driver> driver,
                                                              const std::string& node) {
  if (driver->eglGetPlatformDisplayEXT == nullptr ||
      (!driver->has_client("EGL_KHR_platform_gbm") &&
       !driver->has_client("EGL_MESA_platform_gbm"))) {
    return fail(ErrorKind::kUnsupported, "EGL has no GBM platform");
  }
  auto gbm = GbmDevice::create(node);
  if (!gbm) return with_context("GBM", std::move(gbm.error()));
  std::shared_ptr<Display> display(new Display(std::move(driver)));
  display->gbm_ = std::move(*gbm);
  auto opened = display->open(EGL_PLATFORM_GBM_KHR, display->gbm_->native());
  if (!opened) return with_context("GBM", std::move(opened.error()));
  display->drm_node_ = node;
  return display;
}

}  // namespace lumen::egl
