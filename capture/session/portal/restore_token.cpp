#include "capture/session/portal/restore_token.h"

#include <system_error>

#include <fmt/format.h>

#include "core/log.h"
#include "platform/linux/private_files.h"

namespace lumen::session::portal {
namespace {

constexpr std::size_t kMostBytes = 4096;  // x-d-p's tokens are UUIDs

void warn(const Error& error) {
  log::area("capture").warn("the portal's consent can't be kept, so that it will ask again: {}",
                            error.describe());
}

}  // namespace

RestoreToken::RestoreToken(std::string_view kind, std::string_view host)
    : path_(state_folder().map([kind, host](const std::filesystem::path& folder) {
        return folder / fmt::format("portal-token-{}{}{}", kind, host.empty() ? "" : "-", host);
      })) {}

std::optional<std::string> RestoreToken::load() const {
  if (!path_) return std::nullopt;  // store() tells
  auto text = read_secret(*path_, kMostBytes);
  if (!text) {
    if (text.error().kind != ErrorKind::kNotFound) warn(text.error());
    return std::nullopt;
  }
  while (text->ends_with('\n')) text->pop_back();
  if (text->empty()) return std::nullopt;
  return std::move(*text);
}

void RestoreToken::store(const std::string& token) const {
  if (token.empty()) {
    std::error_code ignored;  // a token that stays is refused, and the dialog comes
    if (path_) std::filesystem::remove(*path_, ignored);
    return;
  }
  if (!path_) return warn(path_.error());
  if (auto written = write_secret(*path_, token + "\n"); !written) warn(written.error());
}

}  // namespace lumen::session::portal
