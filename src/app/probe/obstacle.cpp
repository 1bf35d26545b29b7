#include "app/probe/obstacle.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace lumen::probe {
namespace {

using Found = std::optional<Obstacle>;

constexpr std::string_view kInstallDriver = "install NVIDIA's driver 450 or newer to go without";
constexpr int kErrorNoDevice = 100;  // cuda.h, CUDA_ERROR_NO_DEVICE

bool answered(const Json& section) { return flag_at(section, "ok"); }

/// The GPU with this vendor; null where there is none.
const Json& gpu_of(const Json& report, std::string_view vendor) {
  for (const Json& gpu : at(at(report, "machine"), "gpus")) {
    if (text_at(gpu, "vendor") == vendor) return gpu;
  }
  static const Json kNothing;
  return kNothing;
}

const Json& library(const Json& report, std::string_view name) {
  for (const Json& one : at(at(report, "libraries"), "libraries")) {
    if (text_at(one, "name") == name) return one;
  }
  static const Json kNothing;
  return kNothing;
}

/// Known to be missing; false where nobody could tell.
bool is_missing(const Json& report, std::string_view name) {
  const Json& one = library(report, name);
  return !one.is_null() && !flag_at(one, "found");
}

std::string module_version(const Json& report) {
  return text_at(at(at(report, "machine"), "nvidia_module"), "version");
}

Found no_nvidia_gpu(const Json& report) {
  if (!gpu_of(report, "NVIDIA").is_null() || answered(at(report, "cuda"))) return std::nullopt;
  if (!is_missing(report, "libcuda.so.1")) return std::nullopt;  // a container may hide the GPU
  const Json& gpus = at(at(report, "machine"), "gpus");
  if (gpus.empty()) {
    return Obstacle{"it has no GPU",
                    "only an NVIDIA GPU with driver 450 or newer would spare it that"};
  }
  return Obstacle{
      fmt::format("its GPU is not one of NVIDIA's but of {}", text_at(gpus[0], "vendor")),
      "only an NVIDIA GPU with driver 450 or newer would spare it that"};
}

Found no_driver(const Json& report) {
  const Json& gpu = gpu_of(report, "NVIDIA");
  const bool loaded = flag_at(at(at(report, "machine"), "nvidia_module"), "loaded");
  if (answered(at(report, "cuda"))) return std::nullopt;
  const bool library_missing = is_missing(report, "libcuda.so.1");
  if (!gpu.is_null() && text_at(gpu, "driver") == "nouveau") {
    return Obstacle{"the nouveau driver runs its NVIDIA GPU", std::string(kInstallDriver)};
  }
  if (library_missing && loaded) {
    return Obstacle{
        "libcuda.so.1 is missing although NVIDIA's kernel module is loaded",
        fmt::format("install the CUDA library of driver {}",
                    module_version(report).empty() ? "450 or newer" : module_version(report))};
  }
  if (library_missing)
    return Obstacle{"no NVIDIA driver is installed", std::string(kInstallDriver)};
  if (!gpu.is_null() && !loaded) {
    return Obstacle{"NVIDIA's kernel module is not loaded",
                    "load it with modprobe nvidia, or restart if the driver was just installed"};
  }
  return std::nullopt;
}

Found mismatch(const Json& report) {
  if (answered(at(report, "cuda"))) return std::nullopt;
  const std::string kernel = module_version(report);
  const std::string ours = text_at(library(report, "libcuda.so.1"), "version");
  const bool comparable = !kernel.empty() && ours.find('.') != std::string::npos;
  const bool told =
      text_at(at(report, "cuda"), "reason").find("SYSTEM_DRIVER_MISMATCH") != std::string::npos;
  if (!told && (!comparable || kernel == ours)) return std::nullopt;
  if (!comparable) {
    return Obstacle{"NVIDIA's libraries and its kernel module are of different versions",
                    "restart the machine to load the new module"};
  }
  return Obstacle{
      fmt::format("NVIDIA's libraries are of version {} but the kernel module of {}", ours, kernel),
      "restart the machine to load the new module"};
}

Found no_device_file(const Json& report) {
  if (answered(at(report, "cuda"))) return std::nullopt;
  for (const Json& file : at(at(report, "machine"), "nvidia_files")) {
    const std::string path = text_at(file, "path");
    if (path.ends_with("-modeset") || path.ends_with("-drm") || flag_at(file, "may_open")) continue;
    return Obstacle{fmt::format("this user may not open {}", path),
                    "give the user read and write access to it"};
  }
  return std::nullopt;
}

Found cuda_failed(const Json& report) {
  const Json& cuda = at(report, "cuda");
  if (answered(cuda) || cuda.is_null()) return std::nullopt;
  const std::string reason = text_at(cuda, "reason");
  if (flag_at(cuda, "crashed")) {
    return Obstacle{fmt::format("NVIDIA's driver {} when CUDA was started", reason),
                    "install the driver anew and restart the machine"};
  }
  if (flag_at(cuda, "hung")) {
    return Obstacle{fmt::format("NVIDIA's driver gave {} when CUDA was started", reason),
                    "restart the machine, and look into the kernel's log if it happens again"};
  }
  const bool no_device = at(cuda, "code") == kErrorNoDevice;
  if (no_device && gpu_of(report, "NVIDIA").is_null()) {
    return Obstacle{"NVIDIA's driver is installed but sees no GPU",
                    "in a container hand the GPU in, otherwise add an NVIDIA one"};
  }
  return Obstacle{fmt::format("CUDA does not work ({})", reason),
                  text_at(cuda, "hint").empty() ? "look into the kernel's log for NVIDIA's messages"
                                                : text_at(cuda, "hint")};
}

Found no_drm(const Json& report) {
  const Json& drm = at(at(report, "machine"), "nvidia_drm");
  if (flag_at(at(report, "cuda"), "stand_in") || drm.is_null()) return std::nullopt;
  constexpr std::string_view kAdvice =
      "set \"options nvidia-drm modeset=1\" in /etc/modprobe.d and restart the machine";
  if (!flag_at(drm, "loaded")) {
    return Obstacle{
        "the kernel module nvidia-drm is not loaded, without which no dmabuf can be "
        "imported",
        "load it with modprobe nvidia-drm modeset=1"};
  }
  if (text_at(drm, "modeset") == "no") {
    return Obstacle{"nvidia-drm runs without modeset", std::string(kAdvice)};
  }
  if (node_of_chosen_gpu(report).empty()) {
    return Obstacle{
        fmt::format("{} has no node in /dev/dri here", text_at(chosen_device(report), "name")),
        "hand /dev/dri into the container, or set nvidia-drm modeset=1"};
  }
  return std::nullopt;
}

Found no_rights(const Json& report) {
  const std::string path = node_of_chosen_gpu(report);
  for (const Json& node : at(at(report, "machine"), "nodes")) {
    if (text_at(node, "path") != path || flag_at(node, "may_open")) continue;
    return Obstacle{
        fmt::format("this user may not open {}", path),
        fmt::format("add the user to the group {} and log in again", text_at(node, "group"))};
  }
  return std::nullopt;
}

Found no_libraries(const Json& report) {
  if (!is_missing(report, "libEGL.so.1") || !is_missing(report, "libvulkan.so.1")) {
    return std::nullopt;
  }
  return Obstacle{"neither libEGL.so.1 nor libvulkan.so.1 is installed",
                  "install libegl1 and libvulkan1"};
}

Found no_proof(const Json& report) {
  for (const Json& route : at(report, "routes")) {
    if (!route.contains("provable") || flag_at(route, "provable")) continue;
    const Json& udmabuf = at(at(report, "machine"), "udmabuf");
    return Obstacle{"no picture can be made to prove a GPU route with",
                    flag_at(udmabuf, "present")
                        ? "give the user read and write access to /dev/udmabuf"
                        : "load the kernel module udmabuf"};
  }
  return std::nullopt;
}

Obstacle route_failed(const Json& report) {
  std::string cause;
  for (const Json& route : at(report, "routes")) {
    const std::string reason = text_at(route, "reason");
    if (!cause.empty()) cause += ", ";
    cause += fmt::format("{}: {}", text_at(route, "name"), reason.empty() ? "unknown" : reason);
  }
  return {cause.empty() ? "no GPU route was tried" : "every GPU route fails here (" + cause + ")",
          "try NVIDIA's newest driver"};
}

}  // namespace

const Json& chosen_device(const Json& report) {
  for (const Json& device : at(at(report, "cuda"), "devices")) {
    if (flag_at(device, "chosen")) return device;
  }
  static const Json kNothing;
  return kNothing;
}

std::string node_of_chosen_gpu(const Json& report) {
  const std::string pci = text_at(chosen_device(report), "pci");
  std::string found;
  for (const Json& node : at(at(report, "machine"), "nodes")) {
    if (pci.empty() || text_at(node, "pci") != pci) continue;
    const std::string path = text_at(node, "path");
    if (found.empty() || path.find("renderD") != std::string::npos) found = path;
  }
  return found;
}

Obstacle find_obstacle(const Json& report) {
  static constexpr std::array kLooks = {no_nvidia_gpu,  no_driver,    mismatch,
                                        no_device_file, cuda_failed,  no_drm,
                                        no_rights,      no_libraries, no_proof};
  for (const auto look : kLooks) {
    if (auto found = look(report)) return *std::move(found);
  }
  return route_failed(report);
}

}  // namespace lumen::probe
