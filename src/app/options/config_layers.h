// The configuration file's settings, layer by layer, and where each effective one comes from.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/options/config_file.h"
#include "app/options/stream_options.h"

namespace lumen {

/// By option name: the values in effect and where they stand ("host.toml:3, setup couch").
struct Origin {
  std::vector<std::string> values;
  std::string from;
};
using Origins = std::map<std::string, Origin, std::less<>>;

/// What stands at the top, and over that what the setup says (empty: none). Errors begin with
/// "FILE:LINE: KEY:"; kNotFound for a setup that the file does not have. `origins` may be null.
Result<void> apply_config(const std::filesystem::path& path, const Config& config,
                          const std::string& setup, StreamOptions& options,
                          Origins* origins = nullptr);

}  // namespace lumen
