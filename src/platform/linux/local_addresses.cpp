#include "platform/linux/local_addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "platform/linux/unique_fd.h"

namespace lumen {
namespace {

std::string text_of(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = {};
  return ::inet_ntop(family, address, text, sizeof text) == nullptr ? std::string() : text;
}

/// Where packets to the rest of the world start from. Connecting a UDP socket sends nothing;
/// 192.0.2.1 is nobody's (RFC 5737).
std::string default_source() {
  const auto fd = UniqueFd::take(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in somewhere{};
  somewhere.sin_family = AF_INET;
  somewhere.sin_port = htons(9);
  ::inet_pton(AF_INET, "192.0.2.1", &somewhere.sin_addr);
  if (!fd ||
      ::connect(fd.borrow(), reinterpret_cast<sockaddr*>(&somewhere), sizeof somewhere) != 0) {
    return {};
  }
  sockaddr_in ours{};
  socklen_t size = sizeof ours;
  if (::getsockname(fd.borrow(), reinterpret_cast<sockaddr*>(&ours), &size) != 0) return {};
  return text_of(AF_INET, &ours.sin_addr);
}

}  // namespace

std::vector<std::string> reachable_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(list, ::freeifaddrs);
  std::vector<std::string> v4;
  std::vector<std::string> v6;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0 ||
        (entry->ifa_flags & IFF_LOOPBACK) != 0) {
      continue;
    }
    if (entry->ifa_addr->sa_family == AF_INET) {
      const auto* const address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      if (ntohl(address->sin_addr.s_addr) >> 16 == 0xa9fe) continue;  // 169.254/16
      v4.push_back(text_of(AF_INET, &address->sin_addr));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      const auto* const address = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
      if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr)) continue;
      v6.push_back(text_of(AF_INET6, &address->sin6_addr));
    }
  }
  const auto first = std::ranges::find(v4, default_source());
  if (first != v4.end()) std::rotate(v4.begin(), first, first + 1);
  v4.insert(v4.end(), v6.begin(), v6.end());
  return v4;
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return {};
  std::string text(name);
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace lumen
