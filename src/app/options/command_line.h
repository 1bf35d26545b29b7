// The command line of lumen-host and its meaning together with the configuration file: what stands
// on the command line wins over the environment, that over the file, the file over the defaults.
// Reads the configuration file, otherwise pure.
#pragma once

#include <span>
#include <string>

#include "app/options/config_file.h"
#include "app/options/stream_options.h"
#include "core/error.h"

namespace lumen {

/// Environment variables that set options; between the configuration file and the command line.
struct OptionEnvironment {
  std::string zerocopy;  // $LUMEN_ZEROCOPY; empty: not set
};

/// `args` without the program's name. Every failure is the user's to correct, so the process should
/// end with ExitCode::kUsage whatever the error's kind.
Result<Command> parse_command_line(std::span<const std::string> args,
                                   const ConfigLocation& location,
                                   const OptionEnvironment& environment = {});

}  // namespace lumen
