#pragma once

#include <unistd.h>

#include <string>

namespace lumen::session {

/// The first of four ports that nobody listens on: below those that Linux hands out by itself
/// (ip_local_port_range begins at 32768), and another for each of the tests that run now.
inline int free_ports() { return 20000 + ::getpid() % 12000 / 4 * 4; }
inline std::string free_port() { return std::to_string(free_ports()); }

}  // namespace lumen::session
