// Tells the user at the terminal where the page is, with what lets a viewer in.
#pragma once

#include <cstdint>

#include "sink/web/web_access.h"

namespace lumen::web {

/// Logs the page's address and its certificate's fingerprint. The link with the token and its QR
/// code go to standard error only where that is a terminal or `show_qr` is set: a journal keeps
/// what it is told.
void invite(const WebAccess& access, std::uint16_t port, bool show_qr);

}  // namespace lumen::web
