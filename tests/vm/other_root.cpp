#include "other_root.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace lumen::session {
namespace fs = std::filesystem;
namespace {

constexpr const char* kRoot = "/guest";

}  // namespace

Result<void> use_other_root(const std::vector<std::string>& programs) {
  std::error_code error;
  if (!fs::exists(fs::path(kRoot) / "versions", error)) {
    return fail(ErrorKind::kUnsupported, "there is no other root at /guest",
                "tools/vm.sh run --root forky -- chroot /host PROGRAM");
  }
  const fs::path folder = fs::temp_directory_path() / "lumen-other-root";
  fs::create_directories(folder, error);
  for (const std::string& program : programs) {
    const fs::path path = folder / program;
    std::ofstream script(path);
    // PATH anew: this folder is visible in the other root, too.
    script << "#!/bin/sh\n"
              "unset LD_LIBRARY_PATH LIBGL_DRIVERS_PATH GBM_BACKENDS_PATH VK_DRIVER_FILES \\\n"
              "  VK_ICD_FILENAMES __EGL_VENDOR_LIBRARY_DIRS EGL_PLATFORM LIBGL_ALWAYS_SOFTWARE\n"
              "export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/games\n"
           << "exec chroot " << kRoot << ' ' << program << " \"$@\"\n";
    script.close();
    if (!script) return fail(ErrorKind::kIo, "can't write " + path.string());
    fs::permissions(path, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec,
                    error);
    if (error) return fail(ErrorKind::kIo, path.string() + ": " + error.message());
  }
  const char* const before = std::getenv("PATH");
  const std::string path = folder.string() + ":" + (before == nullptr ? "/usr/bin:/bin" : before);
  if (::setenv("PATH", path.c_str(), 1) != 0) return fail(ErrorKind::kIo, "can't set PATH");
  return {};
}

std::string other_root_version(const std::string& package) {
  std::ifstream versions(fs::path(kRoot) / "versions");
  for (std::string name, version; versions >> name >> version;) {
    if (name.substr(0, name.find(':')) == package) return version;
  }
  return {};
}

}  // namespace lumen::session
