#include "zerocopy/egl/device.h"

#include <array>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace lumen::egl {
namespace {

constexpr EGLint kMaxDevices = 64;

EglDevice describe(const Driver& driver, EGLDeviceEXT handle) {
  EglDevice device;
  device.handle = handle;
  const auto text = [&](EGLint name) -> std::string {
    const char* const value = driver.eglQueryDeviceStringEXT(handle, name);
    return value == nullptr ? "" : value;
  };
  const std::string extensions = text(EGL_EXTENSIONS);
  const auto has = [&](std::string_view name) { return has_extension(extensions, name); };

  device.software = has("EGL_MESA_device_software");
  if (has("EGL_EXT_device_drm_render_node")) device.drm_node = text(EGL_DRM_RENDER_NODE_FILE_EXT);
  if (device.drm_node.empty() && has("EGL_EXT_device_drm")) {
    device.drm_node = text(EGL_DRM_DEVICE_FILE_EXT);
  }
  EGLAttrib ordinal = 0;
  if (has("EGL_NV_device_cuda") && driver.eglQueryDeviceAttribEXT != nullptr &&
      driver.eglQueryDeviceAttribEXT(handle, EGL_CUDA_DEVICE_NV, &ordinal) == EGL_TRUE) {
    device.cuda_ordinal = static_cast<int>(ordinal);
  }
  cuda::Uuid uuid{};
  EGLint size = 0;
  if (has("EGL_EXT_device_persistent_id") && driver.eglQueryDeviceBinaryEXT != nullptr &&
      driver.eglQueryDeviceBinaryEXT(handle, EGL_DEVICE_UUID_EXT, static_cast<EGLint>(uuid.size()),
                                     uuid.data(), &size) == EGL_TRUE &&
      size == static_cast<EGLint>(uuid.size())) {
    device.uuid = uuid;
  }
  return device;
}

bool matches(const EglDevice& device, const cuda::DeviceInfo& cuda, const PciOfNode& pci_of_node) {
  if (device.software) return false;
  if (device.uuid) return *device.uuid == cuda.uuid;
  if (device.cuda_ordinal) return *device.cuda_ordinal == cuda.ordinal;
  return !device.drm_node.empty() && !cuda.pci_bus_id.empty() &&
         pci_of_node(device.drm_node) == cuda.pci_bus_id;
}

}  // namespace

std::vector<EglDevice> list_devices(const Driver& driver) {
  if (driver.eglQueryDevicesEXT == nullptr || driver.eglQueryDeviceStringEXT == nullptr) return {};
  std::array<EGLDeviceEXT, kMaxDevices> handles{};
  EGLint count = 0;
  if (driver.eglQueryDevicesEXT(kMaxDevices, handles.data(), &count) != EGL_TRUE) return {};
  std::vector<EglDevice> devices;
  for (EGLint i = 0; i < count; ++i) {
    devices.push_back(describe(driver, handles[static_cast<std::size_t>(i)]));
  }
  return devices;
}

std::string pci_bus_id_of_node(const std::string& drm_node) {
  struct stat info{};
  if (::stat(drm_node.c_str(), &info) != 0 || !S_ISCHR(info.st_mode)) return {};
  std::error_code error;
  const auto device = std::filesystem::read_symlink(
      fmt::format("/sys/dev/char/{}:{}/device", major(info.st_rdev), minor(info.st_rdev)), error);
  return error ? std::string() : device.filename().string();
}

const EglDevice* match_device(std::span<const EglDevice> devices, const cuda::DeviceInfo& cuda,
                              DeviceKind kind, const PciOfNode& pci_of_node) {
  for (const EglDevice& device : devices) {
    const bool match =
        kind == DeviceKind::kSoftware ? device.software : matches(device, cuda, pci_of_node);
    if (match) return &device;
  }
  return nullptr;
}

std::string render_node_of_pci(const std::string& pci_bus_id, const std::string& sysfs) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(sysfs) / pci_bus_id / "drm";
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with("renderD")) return "/dev/dri/" + name;
  }
  return {};
}

}  // namespace lumen::egl
