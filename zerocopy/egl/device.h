// Which of EGL's devices is the GPU that CUDA works on. Identity, never "the first one": a laptop's
// integrated GPU comes first as often as not.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "zerocopy/cuda/context.h"
#include "zerocopy/egl/driver.h"

namespace lumen::egl {

enum class DeviceKind {
  kMatchingGpu,  // the device that is CUDA's
  kSoftware,     // Mesa's software renderer: where the CUDA device is a stand-in without a GPU
};

/// What one EGLDeviceEXT says about itself; nothing is initialized to learn it.
struct EglDevice {
  EGLDeviceEXT handle = nullptr;
  std::optional<cuda::Uuid> uuid;   // EGL_EXT_device_persistent_id
  std::optional<int> cuda_ordinal;  // EGL_NV_device_cuda
  std::string drm_node;             // "/dev/dri/renderD128" or "/dev/dri/card0"; empty: none
  bool software = false;            // EGL_MESA_device_software
};

/// All devices, in the driver's order. Empty where EGL can't enumerate any.
std::vector<EglDevice> list_devices(const Driver& driver);

/// "0000:01:00.0" of a DRM node, or empty.
using PciOfNode = std::function<std::string(const std::string& drm_node)>;
std::string pci_bus_id_of_node(const std::string& drm_node);

/// The device that is CUDA's: its UUID decides where it has one, else the CUDA ordinal, else the
/// PCI bus id of its DRM node. Null where none matches.
const EglDevice* match_device(std::span<const EglDevice> devices, const cuda::DeviceInfo& cuda,
                              DeviceKind kind, const PciOfNode& pci_of_node = pci_bus_id_of_node);

/// "/dev/dri/renderD128" of the GPU at this PCI address, or empty: no DRM driver is bound to it.
std::string render_node_of_pci(const std::string& pci_bus_id,
                               const std::string& sysfs = "/sys/bus/pci/devices");

}  // namespace lumen::egl
