// The options of `lumen-host stream`, in one table: the command line, the configuration file, the
// help text and the tests of the manual all read it, so that they can't disagree.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "app/options/stream_options.h"
#include "core/error.h"

namespace lumen {

enum class OptionArity : std::uint8_t {
  kSwitch,  // no value on the command line; a boolean in the configuration file
  kOne,     // the last one given counts
  kMany,    // may be given again; an array in the configuration file
};

enum class OptionPlace : std::uint8_t { kAnywhere, kCommandLineOnly };

struct StreamOption {
  std::string_view name;  // "bitrate": the key in the file, --bitrate on the command line
  char letter = 0;        // "-q"; 0: none
  OptionArity arity = OptionArity::kOne;
  OptionPlace place = OptionPlace::kAnywhere;
  std::string_view value_name;  // "RATE"; empty for a switch
  std::string_view help;        // lines separated by '\n'
  /// Puts one value into the options; switches get "true" or "false". Null where something else
  /// acts on the option (--config, --help).
  Result<void> (*apply)(std::string_view value, StreamOptions& options) = nullptr;
  std::string_view replaces = {};  // options that this one takes back, separated by blanks
};

std::span<const StreamOption> stream_options_table();

/// Null if there is none of that name.
const StreamOption* find_stream_option(std::string_view name);

}  // namespace lumen
