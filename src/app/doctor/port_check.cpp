#include "app/doctor/port_check.h"

#include <cerrno>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>

#include "platform/linux/unique_fd.h"

namespace lumen::doctor {

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

}  // namespace lumen::doctor
