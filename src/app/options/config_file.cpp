#include "app/options/config_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "app/options/config_precheck.h"
#include "app/options/nearest_name.h"
#include "app/options/stream_option_table.h"

// Debian's .pc file selects its shared library, which is built with exceptions.
#undef TOML_HEADER_ONLY
#undef TOML_SHARED_LIB
#define TOML_HEADER_ONLY 1
#define TOML_SHARED_LIB 0
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// The parser's preconditions can be broken by bad input ("[=", "x = [}"): with assertions that
// aborts, without, newer compilers take them as promises. With neither, the parser's own checks
// refuse it.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace lumen {
namespace {

constexpr std::size_t kLargestFile = 1U << 20;
constexpr std::string_view kSetups = "setup";

tl::unexpected<Error> bad(std::string_view name, unsigned line, std::string_view what,
                          std::string hint) {
  return fail(ErrorKind::kInvalidArgument, fmt::format("{}:{}: {}", name, line, what),
              std::move(hint));
}

std::string_view type_name(toml::node_type type) {
  switch (type) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "an array";
    case toml::node_type::string: return "text";
    case toml::node_type::integer:
    case toml::node_type::floating_point: return "a number";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or time";
    case toml::node_type::none: break;
  }
  return "nothing";
}

// The value as the command line would spell it.
std::optional<std::string> plain_value(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  return std::nullopt;
}

std::string_view expected_type(OptionArity arity) {
  switch (arity) {
    case OptionArity::kSwitch: return "true or false";
    case OptionArity::kMany: return "text or an array of texts";
    case OptionArity::kOne: break;
  }
  return "text or a number";
}

std::string example(const StreamOption& option) {
  switch (option.arity) {
    case OptionArity::kSwitch: return fmt::format("such as {} = true", option.name);
    case OptionArity::kMany: return fmt::format("such as {} = [\"file:out.mp4\"]", option.name);
    case OptionArity::kOne: break;
  }
  return fmt::format("such as {} = \"{}\"", option.name, option.value_name);
}

std::optional<std::vector<std::string>> values_of(const toml::node& node, OptionArity arity) {
  if (arity == OptionArity::kSwitch) {
    const auto* value = node.as_boolean();
    if (value == nullptr) return std::nullopt;
    return std::vector<std::string>{value->get() ? "true" : "false"};
  }
  const auto* array = node.as_array();
  if (array == nullptr) {
    auto value = plain_value(node);
    if (!value) return std::nullopt;
    return std::vector<std::string>{std::move(*value)};
  }
  if (arity != OptionArity::kMany) return std::nullopt;
  std::vector<std::string> values;
  for (const toml::node& element : *array) {
    auto value = plain_value(element);
    if (!value) return std::nullopt;
    values.push_back(std::move(*value));
  }
  return values;
}

// The parser quotes what it saw, line ends and all.
std::string one_line(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; },
      ' ');
  return result;
}

std::string unknown_key_hint(std::string_view key) {
  std::vector<std::string_view> names;
  for (const StreamOption& option : stream_options_table()) {
    if (option.place == OptionPlace::kAnywhere) names.push_back(option.name);
  }
  const std::string_view near = nearest_name(key, names);
  if (!near.empty()) return fmt::format("did you mean '{}'?", near);
  return "the keys are the long options of 'lumen-host stream --help'";
}

Result<ConfigEntry> entry_of(const toml::key& key, const toml::node& node, std::string_view name) {
  const auto line = static_cast<unsigned>(key.source().begin.line);
  const StreamOption* option = find_stream_option(key.str());
  if (option == nullptr) {
    return bad(name, line, fmt::format("unknown key '{}'", key.str()), unknown_key_hint(key.str()));
  }
  if (option->place == OptionPlace::kCommandLineOnly) {
    return bad(name, line, fmt::format("'{}' is for the command line only", key.str()), {});
  }
  auto values = values_of(node, option->arity);
  if (!values) {
    return bad(name, line,
               fmt::format("{}: expected {}, found {}", key.str(), expected_type(option->arity),
                           type_name(node.type())),
               example(*option));
  }
  return ConfigEntry{std::string(key.str()), std::move(*values), line};
}

void by_line(std::vector<ConfigEntry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const ConfigEntry& a, const ConfigEntry& b) { return a.line < b.line; });
}

}  // namespace

ConfigLocation find_config_location(const char* xdg_config_home, const char* home) {
  std::filesystem::path folder;
  if (xdg_config_home != nullptr && std::filesystem::path(xdg_config_home).is_absolute()) {
    folder = std::filesystem::path(xdg_config_home) / "lumen";
  } else if (home != nullptr && *home != '\0') {
    folder = std::filesystem::path(home) / ".config/lumen";
  } else {
    return {};
  }
  std::error_code ignored;
  const auto older = folder / "config.toml";
  const bool only_older = !std::filesystem::exists(folder / "host.toml", ignored) &&
                          std::filesystem::exists(older, ignored);
  return {only_older ? older : folder / "host.toml"};
}

Result<Config> parse_config(std::string_view text, std::string_view name) {
  if (auto checked = precheck_config(text, name); !checked) {
    return tl::unexpected<Error>(std::move(checked.error()));
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return bad(name, parsed.error().source().begin.line, one_line(parsed.error().description()),
               "a setting looks like bitrate = \"20M\"");
  }
  Config config;
  const toml::table* setups = nullptr;
  for (const auto& [key, node] : parsed.table()) {
    if (key.str() == kSetups && node.is_table()) {
      setups = node.as_table();
      continue;
    }
    auto entry = entry_of(key, node, name);
    if (!entry) return tl::unexpected<Error>(std::move(entry.error()));
    config.entries.push_back(std::move(*entry));
  }
  by_line(config.entries);
  if (setups == nullptr) return config;
  for (const auto& [key, node] : *setups) {
    const auto line = static_cast<unsigned>(key.source().begin.line);
    if (!node.is_table()) {
      return bad(name, line, fmt::format("setup.{} is no table", key.str()),
                 "a setup begins with a line such as [setup.couch]");
    }
    ConfigSetup setup{.name = std::string(key.str()), .line = line, .entries = {}};
    for (const auto& [inner, value] : *node.as_table()) {
      auto entry = entry_of(inner, value, name);
      if (!entry) return tl::unexpected<Error>(std::move(entry.error()));
      setup.entries.push_back(std::move(*entry));
    }
    by_line(setup.entries);
    config.setups.push_back(std::move(setup));
  }
  std::sort(config.setups.begin(), config.setups.end(),
            [](const ConfigSetup& a, const ConfigSetup& b) { return a.line < b.line; });
  return config;
}

Result<Config> read_config(const std::filesystem::path& path, MissingFile missing) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    if (missing == MissingFile::kIsEmpty) return Config{};
    return fail(ErrorKind::kNotFound, fmt::format("{}: no such file", path.string()),
                "--config names a TOML file; --no-config reads none");
  }
  if (status.type() == std::filesystem::file_type::directory) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("{}: is a directory", path.string()),
                "the configuration is a TOML file");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text(kLargestFile + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return fail_errno(ErrorKind::kIo, path.string(), errno != 0 ? errno : EIO);
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kLargestFile) {
    return fail(ErrorKind::kInvalidArgument, fmt::format("{}: larger than 1 MiB", path.string()),
                "is this a configuration file?");
  }
  return parse_config(text, path.string());
}

}  // namespace lumen
