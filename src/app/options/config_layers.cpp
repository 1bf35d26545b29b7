#include "app/options/config_layers.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "app/options/apply_option.h"
#include "app/options/nearest_name.h"
#include "app/options/stream_option_table.h"

namespace lumen {
namespace {

void note(const StreamOption& option, Origin origin, Origins& origins) {
  for (std::string_view rest = option.replaces; !rest.empty();) {
    const auto space = rest.find(' ');
    if (const auto old = origins.find(rest.substr(0, space)); old != origins.end()) {
      origins.erase(old);
    }
    rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  }
  origins[std::string(option.name)] = std::move(origin);
}

// In the table's order, as on the command line, and not in that of the file. parse_config() has
// refused keys that are not in it.
Result<void> apply_layer(const std::filesystem::path& path, const std::vector<ConfigEntry>& entries,
                         const std::string& setup, StreamOptions& options, Origins* origins) {
  for (const StreamOption& option : stream_options_table()) {
    for (const ConfigEntry& entry : entries) {
      if (entry.key != option.name) continue;
      if (auto done = apply_option(option, entry.values, options); !done) {
        return with_context(fmt::format("{}:{}: {}", path.string(), entry.line, entry.key),
                            std::move(done.error()));
      }
      if (origins == nullptr) continue;
      note(option,
           {.values = entry.values,
            .from = fmt::format("{}:{}{}", path.string(), entry.line,
                                setup.empty() ? "" : ", setup " + setup)},
           *origins);
    }
  }
  return {};
}

}  // namespace

Result<void> apply_config(const std::filesystem::path& path, const Config& config,
                          const std::string& setup, StreamOptions& options, Origins* origins) {
  if (auto done = apply_layer(path, config.entries, "", options, origins); !done) return done;
  if (setup.empty()) return {};
  const auto found = std::ranges::find(config.setups, setup, &ConfigSetup::name);
  if (found != config.setups.end()) {
    return apply_layer(path, found->entries, setup, options, origins);
  }
  std::vector<std::string_view> names;
  for (const ConfigSetup& one : config.setups) names.push_back(one.name);
  const std::string_view near = nearest_name(setup, names);
  std::string hint = "the file has no setups; one begins with a line [setup." + setup + "]";
  if (!names.empty()) hint = fmt::format("there are: {}", fmt::join(names, ", "));
  if (!near.empty()) hint = fmt::format("did you mean '{}'?", near);
  return fail(ErrorKind::kNotFound,
              fmt::format("{} has no setup '{}'", path.empty() ? "no file" : path.string(), setup),
              std::move(hint));
}

}  // namespace lumen
