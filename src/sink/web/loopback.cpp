#include "sink/web/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string_view>

namespace lumen::web {

bool is_loopback(const std::string& address) {
  constexpr std::string_view kMapped = "::ffff:";
  const std::string v4 = address.starts_with(kMapped) ? address.substr(kMapped.size()) : address;
  in_addr short_address{};
  if (inet_pton(AF_INET, v4.c_str(), &short_address) == 1) {
    return ntohl(short_address.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  in6_addr long_address{};
  return inet_pton(AF_INET6, address.c_str(), &long_address) == 1 &&
         IN6_IS_ADDR_LOOPBACK(&long_address);
}

}  // namespace lumen::web
