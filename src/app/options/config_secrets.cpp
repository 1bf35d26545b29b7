#include "app/options/config_secrets.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "sink/sink_spec.h"

namespace lumen {
namespace {

bool holds_token(const std::string& sink) {
  const auto spec = parse_sink_spec(sink);
  const auto* whip = spec ? std::get_if<WhipSettings>(&*spec) : nullptr;
  return whip != nullptr && !whip->token.empty();
}

bool hold_token(const std::vector<ConfigEntry>& entries) {
  return std::ranges::any_of(entries, [](const ConfigEntry& entry) {
    return entry.key == "sink" && std::ranges::any_of(entry.values, holds_token);
  });
}

}  // namespace

std::optional<Error> exposed_secret(const std::filesystem::path& path, const Config& config) {
  const bool secret =
      hold_token(config.entries) || std::ranges::any_of(config.setups, [](const ConfigSetup& one) {
        return hold_token(one.entries);
      });
  if (!secret) return std::nullopt;
  std::error_code unknown;
  const auto mode = std::filesystem::status(path, unknown).permissions();
  using std::filesystem::perms;
  if (unknown || (mode & (perms::group_all | perms::others_all)) == perms::none) {
    return std::nullopt;
  }
  Error error;
  error.kind = ErrorKind::kInvalidArgument;
  error.message = fmt::format("others may read {}, which holds a token", path.string());
  error.hint = fmt::format("chmod 600 {}", path.string());
  return error;
}

}  // namespace lumen
