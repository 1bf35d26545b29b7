// What this machine is called in its networks. Any thread.
#pragma once

#include <string>
#include <vector>

namespace lumen {

/// Numeric addresses at which other machines may reach this one, IPv6 without brackets: that of the
/// default route first, IPv4 before IPv6. Neither loopback nor link-local ones (fe80::/10 needs a
/// zone, which URLs in browsers can't have).
std::vector<std::string> reachable_addresses();

/// In lower case; empty where it has none.
std::string host_name();

}  // namespace lumen
