#include "app/doctor/port_check.h"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::doctor {
namespace {

/// `address` is numeric. kRetry: it is taken. kInvalidArgument: the address is not this machine's.
Result<void> try_port(const std::string& address, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) {
    return fail(ErrorKind::kInvalidArgument, address + " is no numeric address",
                "such as 127.0.0.1");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  const auto fd = UniqueFd::take(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  // As the page's server does: what has just been closed may be listened at again.
  (void)::setsockopt(fd.borrow(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (::bind(fd.borrow(), found->ai_addr, found->ai_addrlen) == 0) return {};
  if (errno == EADDRINUSE) return fail_errno(ErrorKind::kRetry, "bind", errno);
  if (errno == EACCES) {
    return fail_errno(ErrorKind::kIo, "bind", errno, "ports below 1024 need root: choose another");
  }
  return fail_errno(ErrorKind::kInvalidArgument, "bind", errno,
                    "the address has to be one of this machine's");
}

}  // namespace

Finding port_finding(const WebSettings& page) {
  const std::string first = fmt::format("{} port {}", page.address, page.port);
  for (unsigned spare = 0; spare <= page.spare_ports; ++spare) {
    const auto port = static_cast<std::uint16_t>(page.port + spare);
    const auto free = try_port(page.address, port);
    if (free && spare == 0) return good("network", first + " is free for the page");
    if (free) {
      return note("network", fmt::format("{} is taken: the page would be at port {}", first, port),
                  "'lumen-host status' says whether a host has it already");
    }
    if (free.error().kind != ErrorKind::kRetry) {
      return bad("network", fmt::format("{} port {}: {}", page.address, port, free.error().message),
                 free.error().hint);
    }
  }
  const std::string all = page.spare_ports == 0
                              ? first + " is taken"
                              : fmt::format("{} ports {} to {} are taken", page.address, page.port,
                                            page.port + page.spare_ports);
  return note("network", all,
              "by a host that runs already? Else choose another: --sink web:ADDRESS:PORT");
}

}  // namespace lumen::doctor
