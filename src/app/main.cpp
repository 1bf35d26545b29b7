// lumen-host: parses, dispatches, and turns what happened into an exit code.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/options/command_line.h"
#include "app/stream_command.h"
#include "core/log.h"
#include "platform/linux/signal_wait.h"

namespace lumen {
namespace {

Result<Command> parse(const std::vector<std::string>& args, const ConfigLocation& location) {
  const char* const zerocopy = std::getenv("LUMEN_ZEROCOPY");
  return parse_command_line(args, location, {.zerocopy = zerocopy == nullptr ? "" : zerocopy});
}

ConfigLocation config_location() {
  return find_config_location(std::getenv("XDG_CONFIG_HOME"), std::getenv("HOME"));
}

struct Run {
  const std::vector<std::string>& args;
  const ConfigLocation& location;
  SignalWait& signals;

  ExitCode operator()(const StreamOptions& options) const {
    log::init(options.verbosity);
    return run_stream(options, [this] { return read_again(); }, signals);
  }
  ExitCode operator()(const SourcesOptions& options) const { return run_sources(options); }
  ExitCode operator()(const EncodersOptions& options) const { return run_encoders(options); }
  ExitCode operator()(const ProbeOptions& options) const { return run_probe(options); }
  ExitCode operator()(const StatusOptions& options) const { return run_status(options, signals); }
  ExitCode operator()(const CtlOptions& options) const { return run_ctl(options); }
  ExitCode operator()(const ConfigOptions& options) const { return run_config(options, location); }
  ExitCode operator()(const DoctorOptions& options) const { return run_doctor(options, location); }
  ExitCode operator()(const PrintAndExit& text) const {
    fmt::print("{}", text.text);
    return std::fflush(stdout) == 0 ? ExitCode::kOk : ExitCode::kOutputFailed;
  }

 private:
  [[nodiscard]] Result<StreamOptions> read_again() const {
    return parse(args, config_location()).map([](const Command& command) {
      return std::get<StreamOptions>(command);
    });
  }
};

ExitCode run(const std::vector<std::string>& args) {
  const ConfigLocation location = config_location();
  auto command = parse(args, location);
  if (!command) {
    fmt::print(stderr, "lumen-host: {}\n", command.error().describe());
    return ExitCode::kUsage;
  }
  auto signals = SignalWait::create(
      std::holds_alternative<StreamOptions>(*command) ? Hangup::kWaitedFor : Hangup::kLeftAlone);
  if (!signals) {
    fmt::print(stderr, "lumen-host: {}\n", signals.error().describe());
    return ExitCode::kInternalError;
  }
  return std::visit(Run{args, location, *signals}, *command);
}

}  // namespace
}  // namespace lumen

int main(int argc, char** argv) {
  // SVT-AV1 writes about itself to standard error whenever it opens, but for this; read before any
  // thread runs.
  ::setenv("SVT_LOG", "1", 0);
  return static_cast<int>(lumen::run(std::vector<std::string>(argv + 1, argv + argc)));
}
