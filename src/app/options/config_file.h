// The TOML configuration file. Its keys are the long options of `lumen-host stream`; a table
// [setup.NAME] has those that --setup NAME puts over them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace lumen {

/// One key of the file with its values as the command line would spell them.
struct ConfigEntry {
  std::string key;
  std::vector<std::string> values;
  unsigned line = 0;  // from 1
};

struct ConfigSetup {
  std::string name;
  unsigned line = 0;
  std::vector<ConfigEntry> entries;  // in the file's order
};

struct Config {
  std::vector<ConfigEntry> entries;  // at the top, in the file's order
  std::vector<ConfigSetup> setups;   // in the file's order
};

/// Where the file is unless --config or --no-config says otherwise.
struct ConfigLocation {
  std::filesystem::path path;  // empty: nowhere; a file that doesn't exist is no error
};

/// $XDG_CONFIG_HOME/lumen/host.toml, else $HOME/.config/lumen/host.toml. Either may be null; a
/// relative XDG_CONFIG_HOME is ignored (XDG Base Directory Specification). Where there is no
/// host.toml, but the config.toml of lumen before 0.2, it is that.
ConfigLocation find_config_location(const char* xdg_config_home, const char* home);

/// Parses and checks keys and types; the values' meaning is checked by whoever applies them. `name`
/// stands in messages, as "NAME:LINE: …". Fails with kInvalidArgument.
Result<Config> parse_config(std::string_view text, std::string_view name);

enum class MissingFile { kIsEmpty, kIsAnError };

/// Fails with kInvalidArgument, kNotFound or kIo.
Result<Config> read_config(const std::filesystem::path& path, MissingFile missing);

}  // namespace lumen
