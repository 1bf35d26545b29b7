#include "app/options/command_line.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/options/encoding_plan.h"
#include "app/options/help_text.h"
#include "app/options/nearest_name.h"
#include "app/options/stream_option_table.h"

namespace lumen {
namespace {

constexpr std::string_view kStream = "stream";
constexpr std::string_view kSources = "sources";
constexpr std::string_view kEncoders = "encoders";
constexpr std::string_view kProbe = "zerocopy-probe";

tl::unexpected<Error> usage(std::string message, std::string hint) {
  return fail(ErrorKind::kInvalidArgument, std::move(message), std::move(hint));
}

std::string help_hint(std::string_view command) {
  return command.empty() ? "see 'lumen-host --help'"
                         : fmt::format("see 'lumen-host {} --help'", command);
}

// What stood on the command line, before it means anything.
struct RawArguments {
  std::vector<std::string> commands;                                    // in order
  std::map<std::string, std::vector<std::string>, std::less<>> values;  // by option name
  std::map<std::string, bool, std::less<>> switches;
  std::vector<std::string> unknown;
  bool version = false;
  bool general_help = false;
  bool command_help = false;  // of a command other than stream
  bool json = false;
  std::string section;  // of the probe; undocumented

  [[nodiscard]] bool has(std::string_view name) const {
    const auto found = switches.find(name);
    return found != switches.end() && found->second;
  }
};

std::string flag_of(const StreamOption& option) {
  return option.letter != 0 ? fmt::format("-{},--{}", option.letter, option.name)
                            : fmt::format("--{}", option.name);
}

// The parser's own failure: in practice an option at the end that lacks its value.
tl::unexpected<Error> unparsable(std::span<const std::string> args, std::string_view why) {
  if (!args.empty() && args.back().starts_with("--")) {
    const StreamOption* option = find_stream_option(std::string_view(args.back()).substr(2));
    if (option != nullptr && option->arity != OptionArity::kSwitch) {
      const std::string_view first_line = option->help.substr(0, option->help.find('\n'));
      return usage(fmt::format("--{} needs a value", option->name),
                   fmt::format("{}: {}", option->value_name, first_line));
    }
  }
  return usage(std::string(why), help_hint(""));
}

Result<RawArguments> split(std::span<const std::string> args) {
  RawArguments raw;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.require_subcommand(0, 0);  // any number; which is checked afterwards
  app.add_flag("-h,--help", raw.general_help);
  app.add_flag("-V,--version", raw.version);

  CLI::App* stream = app.add_subcommand(std::string(kStream));
  stream->set_help_flag();
  stream->allow_extras();
  for (const StreamOption& option : stream_options_table()) {
    const std::string name(option.name);
    if (option.arity == OptionArity::kSwitch) {
      stream->add_flag(flag_of(option), raw.switches[name]);
    } else {
      stream->add_option(flag_of(option), raw.values[name])
          ->type_name(std::string(option.value_name))
          ->allow_extra_args(false);
    }
  }
  for (const std::string_view name : {kSources, kEncoders, kProbe}) {
    CLI::App* command = app.add_subcommand(std::string(name));
    command->set_help_flag();
    command->allow_extras();
    command->add_flag("--json", raw.json);
    command->add_flag("-h,--help", raw.command_help);
    if (name == kProbe) command->add_option("--section", raw.section)->allow_extra_args(false);
  }

  try {
    // This overload takes the arguments last first.
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return unparsable(args, error.what());
  }
  for (const CLI::App* command : app.get_subcommands()) raw.commands.push_back(command->get_name());
  raw.unknown = app.remaining(true);
  return raw;
}

std::vector<std::string_view> option_names(std::string_view command) {
  std::vector<std::string_view> names{"help"};
  const bool reports = command == kSources || command == kEncoders || command == kProbe;
  if (reports) names.push_back("json");
  if (command.empty()) names.push_back("version");
  if (!reports) {
    for (const StreamOption& option : stream_options_table()) names.push_back(option.name);
  }
  return names;
}

tl::unexpected<Error> unknown_argument(const RawArguments& raw) {
  const std::string command = raw.commands.empty() ? std::string() : raw.commands.front();
  const std::string& argument = raw.unknown.front();
  if (argument.starts_with("--")) {
    const std::string name = argument.substr(2, argument.find('=') - 2);
    const std::string_view near = nearest_name(name, option_names(command));
    std::string hint = help_hint(command);
    if (near == name) {
      hint = "options stand after the command: lumen-host stream --" + name;
    } else if (!near.empty()) {
      hint = fmt::format("did you mean '--{}'?", near);
    }
    return usage(fmt::format("unknown option '--{}'", name), std::move(hint));
  }
  if (argument.starts_with('-')) {
    return usage(fmt::format("unknown option '{}'", argument), help_hint(command));
  }
  if (command.empty()) {
    constexpr std::string_view kCommands[] = {kStream, kSources, kEncoders, kProbe};
    const std::string_view near = nearest_name(argument, kCommands);
    return usage(fmt::format("unknown command '{}'", argument),
                 near.empty() ? help_hint("") : fmt::format("did you mean '{}'?", near));
  }
  return usage(fmt::format("unexpected argument '{}'", argument), help_hint(command));
}

// One option's values, in order. Many-valued options replace what an earlier layer put there.
Result<void> apply(const StreamOption& option, const std::vector<std::string>& values,
                   StreamOptions& options) {
  if (option.apply == nullptr || values.empty()) return {};
  if (option.arity == OptionArity::kMany) {
    options.sinks.clear();
    for (const std::string& value : values) {
      if (auto done = option.apply(value, options); !done) return done;
    }
    return {};
  }
  return option.apply(values.back(), options);
}

Result<void> apply_config(const std::filesystem::path& path,
                          const std::vector<ConfigEntry>& entries, StreamOptions& options) {
  // In the table's order, as on the command line, and not in that of the file. parse_config() has
  // refused keys that are not in it.
  for (const StreamOption& option : stream_options_table()) {
    for (const ConfigEntry& entry : entries) {
      if (entry.key != option.name) continue;
      if (auto done = apply(option, entry.values, options); !done) {
        return with_context(fmt::format("{}:{}: {}", path.string(), entry.line, entry.key),
                            std::move(done.error()));
      }
    }
  }
  return {};
}

Result<void> apply_arguments(const RawArguments& raw, StreamOptions& options) {
  for (const StreamOption& option : stream_options_table()) {
    std::vector<std::string> values;
    if (option.arity == OptionArity::kSwitch) {
      if (raw.has(option.name)) values.emplace_back("true");
    } else {
      values = raw.values.find(option.name)->second;
    }
    if (auto done = apply(option, values, options); !done) {
      return with_context(fmt::format("--{}", option.name), std::move(done.error()));
    }
  }
  return {};
}

Result<std::vector<ConfigEntry>> config_entries(const RawArguments& raw,
                                                const ConfigLocation& location,
                                                std::filesystem::path& path) {
  const auto& named = raw.values.find("config")->second;
  if (raw.has("no-config")) {
    if (!named.empty()) return usage("--config and --no-config exclude each other", {});
    return std::vector<ConfigEntry>{};
  }
  path = named.empty() ? location.path : std::filesystem::path(named.back());
  if (path.empty() && named.empty()) return std::vector<ConfigEntry>{};
  return read_config(path, named.empty() ? MissingFile::kIsEmpty : MissingFile::kIsAnError);
}

// What no single option can know.
Result<void> check_together(const RawArguments& raw, const StreamOptions& options) {
  if (raw.has("quiet") && raw.has("verbose")) {
    return usage("--quiet and --verbose exclude each other", {});
  }
  if (raw.has("latency") && !raw.values.find("quality")->second.empty()) {
    return usage("--latency and --quality exclude each other", "give the one that matters");
  }
  if (!raw.values.find("qp")->second.empty() && !raw.values.find("bitrate")->second.empty()) {
    return usage("--qp and --bitrate exclude each other",
                 "a constant quantizer makes its own bit rate; leave one of them out");
  }
  if (options.sinks.empty()) {
    return usage("no sink given: where should the stream go?",
                 "such as --sink web, --sink file:out.mp4 or --sink rtp:127.0.0.1:5004");
  }
  const auto is_rtp = [](const std::string& sink) { return sink.starts_with("rtp:"); };
  if (options.sdp_path && std::none_of(options.sinks.begin(), options.sinks.end(), is_rtp)) {
    return usage("--sdp describes an RTP stream, and no sink is one",
                 "add --sink rtp:127.0.0.1:5004 or leave --sdp away");
  }
  const auto is_network = [&](const std::string& sink) {
    return is_rtp(sink) || sink.starts_with("web");
  };
  if (options.mirror && std::none_of(options.sinks.begin(), options.sinks.end(), is_network)) {
    return usage("--mirror copies RTP packets, and no sink makes any",
                 "add --sink web or leave --mirror away");
  }
  if (auto plan = plan_encoding(options); !plan) return tl::unexpected(std::move(plan.error()));
  if (options.codec == Codec::kAv1 && options.profile != Profile::kAuto) {
    return usage("--profile: AV1 has one profile for what lumen makes", "leave --profile out");
  }
  if (options.codec == Codec::kHevc && options.profile != Profile::kAuto &&
      options.profile != Profile::kMain) {
    return usage("--profile: HEVC has no baseline or high profile",
                 "use --profile main or --codec h264");
  }
  return {};
}

Result<void> apply_environment(const OptionEnvironment& environment, StreamOptions& options) {
  if (environment.zerocopy.empty()) return {};
  if (auto done = find_stream_option("zerocopy")->apply(environment.zerocopy, options); !done) {
    return with_context("$LUMEN_ZEROCOPY", std::move(done.error()));
  }
  return {};
}

Result<Command> stream_command(const RawArguments& raw, const ConfigLocation& location,
                               const OptionEnvironment& environment) {
  if (raw.has("help")) return PrintAndExit{stream_help()};
  StreamOptions options;
  std::filesystem::path path;
  auto entries = config_entries(raw, location, path);
  if (!entries) return tl::unexpected<Error>(std::move(entries.error()));
  if (auto done = apply_config(path, *entries, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  if (auto done = apply_environment(environment, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  if (auto done = apply_arguments(raw, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  if (auto done = check_together(raw, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  return options;
}

}  // namespace

Result<Command> parse_command_line(std::span<const std::string> args,
                                   const ConfigLocation& location,
                                   const OptionEnvironment& environment) {
  auto raw = split(args);
  if (!raw) return tl::unexpected<Error>(std::move(raw.error()));
  if (!raw->unknown.empty()) return unknown_argument(*raw);
  if (raw->commands.size() > 1) {
    return usage(
        fmt::format("one command at a time, not '{}' and '{}'", raw->commands[0], raw->commands[1]),
        help_hint(""));
  }
  if (raw->version) return PrintAndExit{version_text()};
  if (raw->general_help) return PrintAndExit{general_help()};
  if (raw->commands.empty()) {
    return usage("no command given",
                 "such as 'lumen-host stream --sink file:out.mp4'; see 'lumen-host --help'");
  }
  const std::string& command = raw->commands.front();
  if (command == kStream) return stream_command(*raw, location, environment);
  const OutputFormat format = raw->json ? OutputFormat::kJson : OutputFormat::kText;
  if (command == kProbe) {
    if (raw->command_help) return PrintAndExit{probe_help()};
    return ProbeOptions{format, raw->section};
  }
  if (command == kEncoders) {
    if (raw->command_help) return PrintAndExit{encoders_help()};
    return EncodersOptions{format};
  }
  if (raw->command_help) return PrintAndExit{sources_help()};
  return SourcesOptions{format};
}

}  // namespace lumen
