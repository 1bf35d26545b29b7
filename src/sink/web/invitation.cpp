#include "sink/web/invitation.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "core/log.h"
#include "sink/web/qr_code.h"

namespace lumen::web {
namespace {

/// no-color.org: set, and not empty.
bool wants_color() {
  const char* const off = std::getenv("NO_COLOR");
  return off == nullptr || off[0] == '\0';
}

}  // namespace

void invite(const WebAccess& access, std::uint16_t port, bool show_qr) {
  auto& log = log::area("web");
  log.info("watch at {}", page_url(access, port));
  if (access.identity) {
    log.info("its certificate's SHA-256 fingerprint is {}", access.identity->fingerprint);
  }
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  const bool told = access.token && terminal && log.should_log(spdlog::level::info);
  if (!show_qr && !told) {
    if (access.token) {
      log.info("it asks for the token in {}; --qr shows the whole link", access.token_file);
    }
    return;
  }
  const std::string url = invitation_url(access, port);
  fmt::print(stderr, "\n{}\n{}\n", url,
             qr_code(url, terminal && wants_color() ? QrColor::kAnsi : QrColor::kNone));
  (void)std::fflush(stderr);
}

}  // namespace lumen::web
