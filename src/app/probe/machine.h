// What the kernel says about GPUs: modules, PCI devices, DRM nodes, rights. Reads sysfs, procfs and
// /dev; opens no device and loads no driver.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "app/probe/json.h"

namespace lumen::probe {

/// Whether this user may open a file for reading and writing.
bool may_open(const std::filesystem::path& path);

/// Where to look; a test has a tree of its own.
struct MachineRoots {
  std::filesystem::path sys = "/sys";
  std::filesystem::path proc = "/proc";
  std::filesystem::path dev = "/dev";
  std::function<bool(const std::filesystem::path&)> may_open = probe::may_open;
};

/// {"kernel", "nvidia_module": {"loaded", "version", "flavour"},
///  "nvidia_drm": {"loaded", "modeset": "yes" | "no" | "unknown"},
///  "gpus": [{"pci", "vendor", "vendor_id", "device_id", "driver", "boot", "nodes": [path…]}],
///  "nodes": [{"path", "pci", "driver", "may_open", "group"}],
///  "udmabuf": {"path", "present", "may_open"}, "nvidia_files": [{"path", "may_open"}]}
/// Paths are always the real ones ("/dev/dri/card0").
Json inspect_machine(const MachineRoots& roots = {});

}  // namespace lumen::probe
