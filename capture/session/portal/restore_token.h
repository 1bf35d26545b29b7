// What the portal gave to be asked without a dialog next time. Each token is good for one start and
// replaced by the next. One file for each kind of source, since a token restores what was chosen,
// and for each host of the user's, since two that share at once would use up each other's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace lumen::session::portal {

class RestoreToken {
 public:
  /// $XDG_STATE_HOME/lumen/portal-token-KIND, with -HOST unless `host` is empty. Nothing is kept
  /// where that can't be.
  RestoreToken(std::string_view kind, std::string_view host);

  /// The token of the last start. Nothing: there is none, or it can't be read, which is logged.
  [[nodiscard]] std::optional<std::string> load() const;
  /// Keeps the token; an empty one forgets. Trouble is logged: the dialog will come again.
  void store(const std::string& token) const;

 private:
  Result<std::filesystem::path> path_;
};

}  // namespace lumen::session::portal
