// Where hosts' control sockets are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace lumen::control {

inline constexpr std::string_view kDefaultName = "host";

/// $XDG_RUNTIME_DIR/lumen. kNotFound: there is no such variable.
Result<std::filesystem::path> socket_folder();
std::filesystem::path socket_path(const std::filesystem::path& folder, std::string_view name);

/// Of all sockets in the folder, sorted; whether somebody listens is another matter.
std::vector<std::string> host_names(const std::filesystem::path& folder);

}  // namespace lumen::control
