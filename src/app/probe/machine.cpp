#include "app/probe/machine.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lumen::probe {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string link_name(const fs::path& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error ? std::string() : target.filename().string();
}

/// The names in a folder, sorted; empty where there is none.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string group_of(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  std::array<char, 4096> memory{};
  group entry{};
  group* found = nullptr;
  if (::getgrgid_r(info.st_gid, &entry, memory.data(), memory.size(), &found) != 0 ||
      found == nullptr) {
    return std::to_string(info.st_gid);
  }
  return found->gr_name;
}

std::string vendor_name(std::string_view id) {
  struct Vendor {
    std::string_view id;
    std::string_view name;
  };
  static constexpr std::array kVendors = {// PCI ids
                                          Vendor{"0x10de", "NVIDIA"}, Vendor{"0x1002", "AMD"},
                                          Vendor{"0x8086", "Intel"},  Vendor{"0x1af4", "virtio"},
                                          Vendor{"0x15ad", "VMware"}, Vendor{"0x1234", "QEMU"},
                                          Vendor{"0x1b36", "QXL"},    Vendor{"0x1a03", "ASPEED"},
                                          Vendor{"0x102b", "Matrox"}, Vendor{"0x1414", "Hyper-V"}};
  const auto found = std::ranges::find(kVendors, id, &Vendor::id);
  return std::string(found == kVendors.end() ? id : found->name);
}

bool is_drm_node(std::string_view name) {
  const bool card = name.starts_with("card") && name.find('-') == std::string_view::npos;
  return card || name.starts_with("renderD");
}

Json nvidia_module(const MachineRoots& roots) {
  Json module = {{"loaded", is_there(roots.sys / "module/nvidia")}};
  module["version"] = first_line(roots.sys / "module/nvidia/version");
  // "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build …"
  const std::string line = first_line(roots.proc / "driver/nvidia/version");
  if (!line.empty()) {
    module["loaded"] = true;
    module["flavour"] =
        line.find("Open Kernel Module") == std::string::npos ? "proprietary" : "open";
  }
  return module;
}

/// The parameter is readable by root only. Connectors ("card0-DP-1") exist with modeset alone.
std::string modeset_of(const MachineRoots& roots, const Json& nodes) {
  const std::string value = first_line(roots.sys / "module/nvidia_drm/parameters/modeset");
  if (!value.empty()) return value == "Y" || value == "1" ? "yes" : "no";
  const std::vector<std::string> names = names_in(roots.sys / "class/drm");
  for (const Json& node : nodes) {
    if (!text_at(node, "driver").starts_with("nvidia")) continue;
    const std::string prefix = fs::path(text_at(node, "path")).filename().string() + "-";
    if (std::ranges::any_of(names, [&](const auto& name) { return name.starts_with(prefix); })) {
      return "yes";
    }
  }
  return "unknown";
}

Json drm_nodes(const MachineRoots& roots) {
  Json nodes = Json::array();
  for (const std::string& name : names_in(roots.dev / "dri")) {
    if (!is_drm_node(name)) continue;
    const fs::path here = roots.dev / "dri" / name;
    const fs::path device = roots.sys / "class/drm" / name / "device";
    nodes.push_back({{"path", "/dev/dri/" + name},
                     {"pci", link_name(device)},
                     {"driver", link_name(device / "driver")},
                     {"may_open", roots.may_open(here)},
                     {"group", group_of(here)}});
  }
  return nodes;
}

Json gpus(const MachineRoots& roots, const Json& nodes) {
  Json found = Json::array();
  for (const std::string& pci : names_in(roots.sys / "bus/pci/devices")) {
    const fs::path device = roots.sys / "bus/pci/devices" / pci;
    // PCI base class 3: display controllers.
    if (!first_line(device / "class").starts_with("0x03")) continue;
    const std::string vendor = first_line(device / "vendor");
    Json gpu = {{"pci", pci},
                {"vendor", vendor_name(vendor)},
                {"vendor_id", vendor},
                {"device_id", first_line(device / "device")},
                {"driver", link_name(device / "driver")},
                {"boot", first_line(device / "boot_vga") == "1"},
                {"nodes", Json::array()}};
    for (const Json& node : nodes) {
      if (text_at(node, "pci") == pci) gpu["nodes"].push_back(node["path"]);
    }
    found.push_back(std::move(gpu));
  }
  return found;
}

Json file_state(const MachineRoots& roots, const std::string& name) {
  const fs::path here = roots.dev / name;
  const bool present = is_there(here);
  return {{"path", "/dev/" + name},
          {"present", present},
          {"may_open", present && roots.may_open(here)}};
}

}  // namespace

bool may_open(const std::filesystem::path& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0;
}

Json inspect_machine(const MachineRoots& roots) {
  const Json nodes = drm_nodes(roots);
  Json nvidia_files = Json::array();
  for (const std::string& name : names_in(roots.dev)) {
    std::error_code ignored;
    if (!name.starts_with("nvidia") || fs::is_directory(roots.dev / name, ignored)) continue;
    nvidia_files.push_back(file_state(roots, name));
  }
  return {{"kernel", first_line(roots.proc / "sys/kernel/osrelease")},
          {"nvidia_module", nvidia_module(roots)},
          {"nvidia_drm",
           {{"loaded", is_there(roots.sys / "module/nvidia_drm")},
            {"modeset", modeset_of(roots, nodes)}}},
          {"gpus", gpus(roots, nodes)},
          {"nodes", nodes},
          {"udmabuf", file_state(roots, "udmabuf")},
          {"nvidia_files", std::move(nvidia_files)}};
}

}  // namespace lumen::probe
