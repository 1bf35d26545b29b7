// Who may open the page and how it is protected on the way, worked out from --sink web:….
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "sink/web/tls_identity.h"
#include "sink/web/web_settings.h"

namespace lumen::web {

struct WebAccess {
  std::optional<std::string> token;     // none: who reaches the page may watch
  std::string token_file;               // where it is kept
  std::optional<TlsIdentity> identity;  // none: plain HTTP
  std::vector<std::string> names;       // of this machine, in lower case
  std::string host;                     // for the page's URL; IPv6 in brackets
};

/// Other machines need a token and get TLS; this one needs neither unless it is asked for. Makes
/// and keeps what is not given (platform/linux/private_files.h). kInvalidArgument: no numeric
/// address, or something is wrong with a file that is named.
Result<WebAccess> prepare_access(const WebSettings& settings);

/// The page's URL; with the token in its fragment, which no server's log and no Referer gets to
/// see.
std::string page_url(const WebAccess& access, std::uint16_t port);
std::string invitation_url(const WebAccess& access, std::uint16_t port);

}  // namespace lumen::web
