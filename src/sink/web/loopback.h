// Which addresses are this machine's alone. Pure; any thread.
#pragma once

#include <string>

namespace lumen::web {

/// True for numeric addresses that only this machine can reach: 127.0.0.0/8, also as IPv6 spells it
/// (::ffff:127.0.0.1), and ::1 (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3).
bool is_loopback(const std::string& address);

}  // namespace lumen::web
