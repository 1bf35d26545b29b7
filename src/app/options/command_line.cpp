#include "app/options/command_line.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/control/ctl_request.h"
#include "app/options/apply_option.h"
#include "app/options/config_layers.h"
#include "app/options/encoding_plan.h"
#include "app/options/help_text.h"
#include "app/options/nearest_name.h"
#include "app/options/stream_option_table.h"
#include "app/options/value_parsers.h"

namespace lumen {
namespace {

constexpr std::string_view kStream = "stream";
constexpr std::string_view kSources = "sources";
constexpr std::string_view kEncoders = "encoders";
constexpr std::string_view kProbe = "zerocopy-probe";
constexpr std::string_view kStatus = "status";
constexpr std::string_view kCtl = "ctl";
constexpr std::string_view kStop = "stop";
constexpr std::string_view kConfig = "config";
constexpr std::string_view kDoctor = "doctor";

/// Commands other than stream: their options without "help", and whether words follow.
struct ToolCommand {
  std::string_view name;
  std::vector<std::string_view> options;
  bool words = false;
};

const std::vector<ToolCommand>& tool_commands() {
  static const std::vector<ToolCommand> kTools = {
      {kSources, {"json"}},
      {kEncoders, {"json"}},
      {kProbe, {"json"}},
      {kStatus, {"json", "watch", "name"}},
      {kCtl, {"json", "name"}, true},
      {kStop, {"json", "name"}},
      {kConfig, {"setup"}, true},
      {kDoctor, {"json", "report", "name"}},
  };
  return kTools;
}

bool has_option(const ToolCommand& tool, std::string_view option) {
  return std::ranges::find(tool.options, option) != tool.options.end();
}

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
  bool watch = false;
  std::map<std::string, std::string, std::less<>> tool_values;  // of a command other than stream
  std::vector<std::string> words;
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

/// CLI11 takes a word that is a command's name for that command, wherever it stands: "ctl stop".
std::vector<std::string> take_words(std::span<const std::string> args, RawArguments& raw) {
  std::vector<std::string> rest(args.begin(), args.end());
  const auto command =
      std::ranges::find_if(rest, [](const auto& arg) { return !arg.starts_with('-'); });
  if (command == rest.end()) return rest;
  const auto tool = std::ranges::find(tool_commands(), *command, &ToolCommand::name);
  if (tool == tool_commands().end() || !tool->words) return rest;
  std::vector<std::string> kept(rest.begin(), command + 1);
  for (auto arg = command + 1; arg != rest.end(); ++arg) {
    const bool value = kept.back() == "--name" || kept.back() == "--setup";
    (value || arg->starts_with('-') ? kept : raw.words).push_back(*arg);
  }
  return kept;
}

Result<RawArguments> split(std::span<const std::string> all) {
  RawArguments raw;
  const std::vector<std::string> args = take_words(all, raw);
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
  for (const ToolCommand& tool : tool_commands()) {
    CLI::App* command = app.add_subcommand(std::string(tool.name));
    command->set_help_flag();
    command->allow_extras();
    command->add_flag("-h,--help", raw.command_help);
    if (has_option(tool, "json")) command->add_flag("--json", raw.json);
    if (has_option(tool, "watch")) command->add_flag("--watch", raw.watch);
    for (const char* name : {"name", "setup", "report"}) {
      if (!has_option(tool, name)) continue;
      command->add_option(std::string("--") + name, raw.tool_values[name])->allow_extra_args(false);
    }
    if (tool.name == kProbe) {
      command->add_option("--section", raw.section)->allow_extra_args(false);
    }
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
  const auto tool = std::ranges::find(tool_commands(), command, &ToolCommand::name);
  if (tool != tool_commands().end()) {
    names.insert(names.end(), tool->options.begin(), tool->options.end());
    return names;
  }
  if (command.empty()) names.push_back("version");
  for (const StreamOption& option : stream_options_table()) names.push_back(option.name);
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
    std::vector<std::string_view> commands = {kStream};
    for (const ToolCommand& tool : tool_commands()) commands.push_back(tool.name);
    const std::string_view near = nearest_name(argument, commands);
    return usage(fmt::format("unknown command '{}'", argument),
                 near.empty() ? help_hint("") : fmt::format("did you mean '{}'?", near));
  }
  return usage(fmt::format("unexpected argument '{}'", argument), help_hint(command));
}

Result<void> apply_arguments(const RawArguments& raw, StreamOptions& options) {
  for (const StreamOption& option : stream_options_table()) {
    std::vector<std::string> values;
    if (option.arity == OptionArity::kSwitch) {
      if (raw.has(option.name)) values.emplace_back("true");
    } else {
      values = raw.values.find(option.name)->second;
    }
    if (auto done = apply_option(option, values, options); !done) {
      return with_context(fmt::format("--{}", option.name), std::move(done.error()));
    }
  }
  return {};
}

Result<void> apply_file(const RawArguments& raw, const ConfigLocation& location,
                        StreamOptions& options) {
  const auto& named = raw.values.find("config")->second;
  const auto& setup = raw.values.find("setup")->second;
  if (raw.has("no-config")) {
    if (!named.empty()) return usage("--config and --no-config exclude each other", {});
    if (!setup.empty()) return usage("--setup needs a configuration file", "leave --no-config out");
    return {};
  }
  const auto path = named.empty() ? location.path : std::filesystem::path(named.back());
  Config config;
  if (!path.empty() || !named.empty()) {
    auto read = read_config(path, named.empty() ? MissingFile::kIsEmpty : MissingFile::kIsAnError);
    if (!read) return tl::unexpected<Error>(std::move(read.error()));
    config = std::move(*read);
  }
  return apply_config(path, config, setup.empty() ? "" : setup.back(), options);
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
  const auto is_rtp = [](const std::string& sink) { return sink.starts_with("rtp:"); };
  if (options.sdp_path && std::none_of(options.sinks.begin(), options.sinks.end(), is_rtp)) {
    return usage("--sdp describes an RTP stream, and no sink is one",
                 "add --sink rtp:127.0.0.1:5004 or leave --sdp away");
  }
  const auto is_network = [&](const std::string& sink) {
    return is_rtp(sink) || sink.starts_with("web") || sink.starts_with("whip:");
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
  if (auto done = apply_file(raw, location, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  if (auto done = apply_environment(environment, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  if (auto done = apply_arguments(raw, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  if (options.sinks.empty()) options.sinks.emplace_back("web");
  if (auto done = check_together(raw, options); !done) {
    return tl::unexpected<Error>(std::move(done.error()));
  }
  return options;
}

Result<Command> config_command(const RawArguments& raw, const std::string& setup) {
  constexpr std::string_view kUse = "'lumen-host config check [FILE]' or 'lumen-host config show'";
  if (raw.words.empty()) return usage("what about the configuration?", std::string(kUse));
  if (raw.words.size() > 2) {
    return usage(fmt::format("unexpected argument '{}'", raw.words[2]), std::string(kUse));
  }
  ConfigOptions options{.setup = setup};
  if (raw.words.size() == 2) options.file = raw.words[1];
  if (raw.words[0] == "show") {
    options.action = ConfigAction::kShow;
  } else if (raw.words[0] != "check") {
    return usage(fmt::format("config knows no '{}'", raw.words[0]), std::string(kUse));
  }
  return options;
}

Result<Command> tool_command(std::string_view command, const RawArguments& raw) {
  const OutputFormat format = raw.json ? OutputFormat::kJson : OutputFormat::kText;
  const auto value = [&](const char* name) {
    const auto found = raw.tool_values.find(name);
    return found == raw.tool_values.end() ? std::string() : found->second;
  };
  const std::string name = value("name");
  if (!name.empty()) {
    if (auto good = parse_host_name(name); !good) {
      return with_context("--name", std::move(good.error()));
    }
  }
  if (command == kProbe) return ProbeOptions{format, raw.section};
  if (command == kEncoders) return EncodersOptions{format};
  if (command == kStatus) return StatusOptions{format, raw.watch, name};
  if (command == kStop) return CtlOptions{R"({"method": "quit"})", format, name};
  if (command == kDoctor) return DoctorOptions{format, value("report"), name};
  if (command == kConfig) return config_command(raw, value("setup"));
  if (command == kCtl) {
    auto request = control::ctl_request(raw.words);
    if (!request) return tl::unexpected<Error>(std::move(request.error()));
    return CtlOptions{request->dump(), format, name};
  }
  return SourcesOptions{format};
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
  if (raw->command_help) return PrintAndExit{tool_help(command)};
  return tool_command(command, *raw);
}

}  // namespace lumen
