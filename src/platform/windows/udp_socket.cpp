#include "platform/udp_socket.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <winsock2.h>
#include <ws2tcpip.h>

#include "platform/unique_handle.h"

namespace lumen {
namespace {

/// Winsock counts its users; each holder adds one.
class WinsockScope {
 public:
  WinsockScope() {
    WSADATA ignored{};
    code_ = ::WSAStartup(MAKEWORD(2, 2), &ignored);
  }
  WinsockScope(const WinsockScope&) = delete;
  WinsockScope& operator=(const WinsockScope&) = delete;
  ~WinsockScope() {
    if (code_ == 0) ::WSACleanup();
  }
  [[nodiscard]] int code() const { return code_; }

 private:
  int code_ = 0;
};

struct SocketTraits {
  using type = SOCKET;
  static SOCKET empty() { return INVALID_SOCKET; }
  static void close(SOCKET socket) { ::closesocket(socket); }
};

struct AddressListDeleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

tl::unexpected<Error> fail_winsock(const std::string& what, int code, std::string hint = {}) {
  auto error =
      fail(ErrorKind::kIo, what + ": Winsock error " + std::to_string(code), std::move(hint));
  error.value().domain = "winsock";
  error.value().code = code;
  return error;
}

std::string numeric(const sockaddr* address, socklen_t size) {
  char text[NI_MAXHOST] = {};
  if (::getnameinfo(address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text;
}

NetworkAddress make_address(const addrinfo& info, std::uint16_t port) {
  NetworkAddress address;
  address.family = info.ai_family == AF_INET6 ? AddressFamily::kIpv6 : AddressFamily::kIpv4;
  address.ip = numeric(info.ai_addr, static_cast<socklen_t>(info.ai_addrlen));
  if (info.ai_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, info.ai_addr, sizeof v6);
    address.multicast = v6.sin6_addr.s6_addr[0] == 0xff;
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, info.ai_addr, sizeof v4);
    address.multicast = (ntohl(v4.sin_addr.s_addr) >> 28) == 0xe;
  }
  std::memcpy(address.socket_address.data(), info.ai_addr, info.ai_addrlen);
  address.socket_address_bytes = static_cast<std::uint32_t>(info.ai_addrlen);
  return with_port(address, port);
}

UdpSendOutcome::Stop sort_error(int code) {
  using Stop = UdpSendOutcome::Stop;
  switch (code) {
    case WSAECONNRESET:
    case WSAECONNREFUSED: return Stop::kRefused;  // an ICMP "port unreachable" arrived
    case WSAEWOULDBLOCK:
    case WSAENOBUFS: return Stop::kBusy;
    case WSAENETUNREACH:
    case WSAEHOSTUNREACH:
    case WSAENETDOWN:
    case WSAEADDRNOTAVAIL:
    case WSAEACCES: return Stop::kUnreachable;
    case WSAEMSGSIZE: return Stop::kTooLarge;
    default: return Stop::kFailed;
  }
}

void wait_for(SOCKET socket, SHORT events, Nanoseconds at_most) {
  WSAPOLLFD waiter{};
  waiter.fd = socket;
  waiter.events = events;
  (void)::WSAPoll(&waiter, 1, static_cast<int>((at_most.count() + 999'999) / 1'000'000));
}

}  // namespace

Result<NetworkAddress> resolve_udp(const std::string& host, std::uint16_t port) {
  const WinsockScope winsock;
  if (winsock.code() != 0) return fail_winsock("can't start Winsock", winsock.code());
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, AddressListDeleter> list(found);
  if (code != 0 || found == nullptr) {
    return fail(ErrorKind::kInvalidArgument, "can't resolve host \"" + host + "\"",
                "give an address such as 192.168.1.20, or a name that resolves");
  }
  const addrinfo* best = found;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      best = each;
      break;
    }
  }
  if (best->ai_family != AF_INET && best->ai_family != AF_INET6) {
    return fail(ErrorKind::kUnsupported, "host \"" + host + "\" has no IP address");
  }
  return make_address(*best, port);
}

NetworkAddress with_port(const NetworkAddress& address, std::uint16_t port) {
  NetworkAddress changed = address;
  changed.port = port;
  const std::uint16_t network_order = htons(port);
  const std::size_t at = address.family == AddressFamily::kIpv6 ? offsetof(sockaddr_in6, sin6_port)
                                                                : offsetof(sockaddr_in, sin_port);
  std::memcpy(changed.socket_address.data() + at, &network_order, sizeof network_order);
  return changed;
}

struct UdpSocket::State {
  WinsockScope winsock;
  UniqueHandle<SocketTraits> socket;
};

UdpSocket::UdpSocket(std::unique_ptr<State> state) : state_(std::move(state)) {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

Result<UdpSocket> UdpSocket::connect(const NetworkAddress& to, int send_buffer_bytes) {
  auto state = std::make_unique<State>();
  if (state->winsock.code() != 0) return fail_winsock("can't start Winsock", state->winsock.code());
  const int family = to.family == AddressFamily::kIpv6 ? AF_INET6 : AF_INET;
  state->socket = UniqueHandle<SocketTraits>::take(::socket(family, SOCK_DGRAM, IPPROTO_UDP));
  if (!state->socket) return fail_winsock("can't make a UDP socket", ::WSAGetLastError());
  const SOCKET socket = state->socket.borrow();
  u_long non_blocking = 1;
  if (::ioctlsocket(socket, static_cast<long>(FIONBIO), &non_blocking) != 0) {
    return fail_winsock("can't set up a UDP socket", ::WSAGetLastError());
  }
  (void)::setsockopt(socket, SOL_SOCKET, SO_SNDBUF,
                     reinterpret_cast<const char*>(&send_buffer_bytes), sizeof send_buffer_bytes);
  sockaddr_storage address{};
  std::memcpy(&address, to.socket_address.data(),
              std::min<std::size_t>(sizeof address, to.socket_address_bytes));
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address),
                static_cast<int>(to.socket_address_bytes)) != 0) {
    return fail_winsock("can't send to " + to.ip, ::WSAGetLastError(),
                        "check the address and this machine's network");
  }
  return UdpSocket(std::move(state));
}

UdpSendOutcome UdpSocket::send(std::span<const std::span<const std::uint8_t>> datagrams) {
  UdpSendOutcome outcome;
  for (const auto datagram : datagrams) {
    const int result =
        ::send(state_->socket.borrow(), reinterpret_cast<const char*>(datagram.data()),
               static_cast<int>(datagram.size()), 0);
    if (result == SOCKET_ERROR) {
      outcome.code = ::WSAGetLastError();
      outcome.stop = sort_error(outcome.code);
      return outcome;
    }
    ++outcome.sent;
  }
  return outcome;
}

std::optional<std::span<std::uint8_t>> UdpSocket::receive(std::span<std::uint8_t> buffer) {
  while (true) {
    const int size = ::recv(state_->socket.borrow(), reinterpret_cast<char*>(buffer.data()),
                            static_cast<int>(buffer.size()), 0);
    if (size >= 0) return buffer.first(static_cast<std::size_t>(size));
    // Too large for the buffer, or an earlier datagram of ours found nobody.
    const int code = ::WSAGetLastError();
    if (code != WSAEMSGSIZE && code != WSAECONNRESET) return std::nullopt;
  }
}

void UdpSocket::wait_readable(Nanoseconds at_most) {
  wait_for(state_->socket.borrow(), POLLRDNORM, at_most);
}

void UdpSocket::wait_writable(Nanoseconds at_most) {
  wait_for(state_->socket.borrow(), POLLWRNORM, at_most);
}

std::string UdpSocket::local_ip() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(state_->socket.borrow(), generic, &size) != 0) return {};
  return numeric(generic, size);
}

}  // namespace lumen
