#include <array>
#include <filesystem>
#include <string>
#include <system_error>

#include <dlfcn.h>
#include <link.h>

#include "app/probe/sections.h"
#include "platform/dynamic_library.h"

namespace lumen::probe {
namespace {

constexpr std::array kLibraries = {"libcuda.so.1",       "libnvidia-encode.so.1", "libEGL.so.1",
                                   "libEGL_nvidia.so.0", "libGLESv2.so.2",        "libgbm.so.1",
                                   "libvulkan.so.1"};

/// "580.65.06" of "libcuda.so.580.65.06"; for others what stands after ".so.".
std::string version_of(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  const auto at = name.find(".so.");
  return at == std::string::npos ? std::string() : name.substr(at + 4);
}

Json look_for(const char* name) {
  auto library = load_library(name);
  if (!library) {
    const std::string& why = library.error().message;
    const bool absent = why.find("No such file") != std::string::npos;
    return {{"name", name}, {"found", false}, {"reason", absent ? "not installed" : why}};
  }
  Json answer = {{"name", name}, {"found", true}};
  link_map* map = nullptr;
  if (::dlinfo(library->borrow(), RTLD_DI_LINKMAP, &map) == 0 && map != nullptr) {
    std::error_code error;
    const auto file = std::filesystem::canonical(map->l_name, error);
    answer["path"] = error ? std::string(map->l_name) : file.string();
    answer["version"] = version_of(file);
  }
  // Unloading runs code of the driver, too; the process ends soon.
  static_cast<void>(library->release());
  return answer;
}

}  // namespace

Json ask_libraries() {
  Json libraries = Json::array();
  for (const char* const name : kLibraries) libraries.push_back(look_for(name));
  return {{"ok", true}, {"libraries", std::move(libraries)}};
}

}  // namespace lumen::probe
