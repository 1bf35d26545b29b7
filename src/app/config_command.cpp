// `lumen-host config`: what the configuration file says.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "app/options/config_layers.h"
#include "app/options/config_secrets.h"
#include "app/options/encoding_plan.h"
#include "app/options/stream_option_table.h"
#include "app/stream_command.h"
#include "core/log.h"

namespace lumen {
namespace {

ExitCode refuse(const Error& error) {
  log::area("lumen").error("{}", error.describe());
  return ExitCode::kUsage;
}

/// What the file says together, but for what only the command line can add.
Result<StreamOptions> effective(const std::filesystem::path& path, const Config& config,
                                const std::string& setup, Origins* origins = nullptr) {
  StreamOptions options;
  if (auto done = apply_config(path, config, setup, options, origins); !done) {
    return tl::unexpected(std::move(done.error()));
  }
  const std::string where = path.string() + (setup.empty() ? "" : ", setup " + setup);
  if (auto plan = plan_encoding(options); !plan) {
    return with_context(where, std::move(plan.error()));
  }
  return options;
}

ExitCode check(const std::filesystem::path& path, const Config& config) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    fmt::print("{}: absent: defaults are used\n",
               path.empty() ? "the configuration file" : path.string());
    return ExitCode::kOk;
  }
  if (auto good = effective(path, config, ""); !good) return refuse(good.error());
  std::string setups;
  for (const ConfigSetup& setup : config.setups) {
    if (auto good = effective(path, config, setup.name); !good) return refuse(good.error());
    setups += (setups.empty() ? "; setups: " : ", ") + setup.name;
  }
  if (const auto exposed = exposed_secret(path, config)) {
    log::area("lumen").warn("{}", exposed->describe());
  }
  fmt::print("{}: good, {} settings{}\n", path.string(), config.entries.size(), setups);
  return ExitCode::kOk;
}

std::string toml_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string toml_value(const StreamOption& option, const std::vector<std::string>& values) {
  if (option.arity == OptionArity::kSwitch) return values.back();
  if (option.arity == OptionArity::kOne) return toml_text(values.back());
  std::string list;
  for (const std::string& value : values) list += (list.empty() ? "[" : ", ") + toml_text(value);
  return list + "]";
}

std::string one_paragraph(std::string_view help) {
  std::string text(help);
  std::ranges::replace(text, '\n', ' ');
  return text;
}

ExitCode show(const std::filesystem::path& path, const Config& config, const std::string& setup) {
  Origins origins;
  if (auto good = effective(path, config, setup, &origins); !good) return refuse(good.error());
  std::string unset;
  for (const StreamOption& option : stream_options_table()) {
    if (option.place == OptionPlace::kCommandLineOnly) continue;
    const auto found = origins.find(option.name);
    if (found == origins.end()) {
      unset += fmt::format("# {}: not set; {}\n", option.name, one_paragraph(option.help));
      continue;
    }
    fmt::print("{} = {}  # {}\n", option.name, toml_value(option, found->second.values),
               found->second.from);
  }
  fmt::print("{}{}", origins.empty() ? "" : "\n", unset);
  return ExitCode::kOk;
}

}  // namespace

ExitCode run_config(const ConfigOptions& options, const ConfigLocation& location) {
  const std::filesystem::path path =
      options.file.empty() ? location.path : std::filesystem::path(options.file);
  auto config =
      read_config(path, options.file.empty() ? MissingFile::kIsEmpty : MissingFile::kIsAnError);
  if (!config) {
    if (config.error().kind == ErrorKind::kNotFound) config.error().hint = "FILE is a TOML file";
    return refuse(config.error());
  }
  if (options.file.empty() && path.filename() == "config.toml") {
    log::area("lumen").warn("{} is read, but its name is host.toml now: rename it", path.string());
  }
  const ExitCode code = options.action == ConfigAction::kCheck ? check(path, *config)
                                                               : show(path, *config, options.setup);
  if (code != ExitCode::kOk) return code;
  return std::fflush(stdout) == 0 ? ExitCode::kOk : ExitCode::kOutputFailed;
}

}  // namespace lumen
