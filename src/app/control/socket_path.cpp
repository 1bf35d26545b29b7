#include "app/control/socket_path.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "app/options/value_parsers.h"

namespace lumen::control {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".sock";

}  // namespace

Result<fs::path> socket_folder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime == nullptr || !fs::path(runtime).is_absolute()) {
    return fail(ErrorKind::kNotFound, "XDG_RUNTIME_DIR is not set",
                "run lumen in the user's session, where it is");
  }
  return fs::path(runtime) / "lumen";
}

fs::path socket_path(const fs::path& folder, std::string_view name) {
  return folder / (std::string(name) + std::string(kSuffix));
}

std::vector<std::string> host_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path file = entry->path();
    const std::string name = file.stem().string();
    if (file.extension() == kSuffix && parse_host_name(name)) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace lumen::control
