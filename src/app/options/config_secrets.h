// What of a configuration file is for its owner's eyes only.
#pragma once

#include <filesystem>
#include <optional>

#include "app/options/config_file.h"
#include "core/error.h"

namespace lumen {

/// What is wrong, and how it is put right, where the file holds a media server's token and others
/// may read it; nothing: all is well, or there is no file.
std::optional<Error> exposed_secret(const std::filesystem::path& path, const Config& config);

}  // namespace lumen
