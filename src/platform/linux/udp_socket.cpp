#include "platform/udp_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include "platform/linux/unique_fd.h"

namespace lumen {
namespace {

constexpr std::size_t kBatch = 64;  // datagrams in one sendmmsg()
// The kernel takes a message apart into so many datagrams at most; its bytes are those of one.
constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxMessageBytes = 65'000;

struct AddressListDeleter {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::string numeric(const sockaddr* address, socklen_t size) {
  char text[NI_MAXHOST] = {};
  if (::getnameinfo(address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text;
}

NetworkAddress make_address(const addrinfo& info, std::uint16_t port) {
  NetworkAddress address;
  address.family = info.ai_family == AF_INET6 ? AddressFamily::kIpv6 : AddressFamily::kIpv4;
  address.ip = numeric(info.ai_addr, info.ai_addrlen);
  if (info.ai_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, info.ai_addr, sizeof v6);
    address.multicast = IN6_IS_ADDR_MULTICAST(&v6.sin6_addr) != 0;
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, info.ai_addr, sizeof v4);
    address.multicast = IN_MULTICAST(ntohl(v4.sin_addr.s_addr));
  }
  std::memcpy(address.socket_address.data(), info.ai_addr, info.ai_addrlen);
  address.socket_address_bytes = info.ai_addrlen;
  return with_port(address, port);
}

UdpSendOutcome::Stop sort_error(int code) {
  using Stop = UdpSendOutcome::Stop;
  switch (code) {
    case ECONNREFUSED: return Stop::kRefused;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM: return Stop::kBusy;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EACCES:
    case EPERM: return Stop::kUnreachable;  // EPERM: netfilter dropped it on the way out
    case EMSGSIZE: return Stop::kTooLarge;
    default: return Stop::kFailed;
  }
}

using Datagrams = std::span<const std::span<const std::uint8_t>>;

/// How many of the first datagrams go into one message: all but the last of one size.
std::size_t segments_of(Datagrams datagrams) {
  const std::size_t size = datagrams.front().size();
  std::size_t count = 1;
  std::size_t bytes = size;
  while (count < std::min(datagrams.size(), kMaxSegments) && size > 0) {
    const std::size_t next = datagrams[count].size();
    bytes += next;
    if (next == 0 || next > size || bytes > kMaxMessageBytes) break;
    ++count;
    if (next < size) break;
  }
  return count;
}

/// Messages of one sendmmsg(). What they refer to must stay.
class Batch {
 public:
  Batch(Datagrams datagrams, bool segments) {
    while (taken_ < std::min(kBatch, datagrams.size())) {
      const Datagrams rest = datagrams.first(std::min(kBatch, datagrams.size())).subspan(taken_);
      add(rest.first(segments ? segments_of(rest) : 1));
    }
  }

  /// How many datagrams went out; -1 with errno where none did.
  int send(int fd) {
    const int sent = ::sendmmsg(fd, messages_.data(), static_cast<unsigned>(count_), MSG_NOSIGNAL);
    if (sent < 0) return sent;
    std::size_t datagrams = 0;
    for (int i = 0; i < sent; ++i) {
      datagrams += messages_[static_cast<std::size_t>(i)].msg_hdr.msg_iovlen;
    }
    return static_cast<int>(datagrams);
  }

 private:
  struct alignas(cmsghdr) Control {
    std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> bytes;
  };

  void add(Datagrams datagrams) {
    msghdr& message = messages_[count_].msg_hdr;
    message = {};
    message.msg_iov = &parts_[taken_];
    message.msg_iovlen = datagrams.size();
    if (datagrams.size() > 1) {
      Control& control = controls_[count_];
      message.msg_control = control.bytes.data();
      message.msg_controllen = control.bytes.size();
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_UDP;
      header->cmsg_type = UDP_SEGMENT;
      header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto size = static_cast<std::uint16_t>(datagrams.front().size());
      std::memcpy(CMSG_DATA(header), &size, sizeof size);
    }
    for (const auto datagram : datagrams) {
      parts_[taken_++] = {const_cast<std::uint8_t*>(datagram.data()), datagram.size()};
    }
    ++count_;
  }

  std::array<mmsghdr, kBatch> messages_;
  std::array<iovec, kBatch> parts_;
  std::array<Control, kBatch> controls_;
  std::size_t count_ = 0;
  std::size_t taken_ = 0;
};

void wait_for(int fd, short events, Nanoseconds at_most) {
  pollfd waiter{fd, events, 0};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at_most);
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(seconds.count());
  timeout.tv_nsec = static_cast<long>((at_most - seconds).count());
  (void)::ppoll(&waiter, 1, &timeout, nullptr);
}

}  // namespace

Result<NetworkAddress> resolve_udp(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, AddressListDeleter> list(found);
  if (code != 0 || found == nullptr) {
    return fail(ErrorKind::kInvalidArgument,
                "can't resolve host \"" + host + "\": " + ::gai_strerror(code),
                "give an address such as 192.168.1.20 or [fe80::1%eth0], or a name that resolves");
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
  UniqueFd fd;
  bool segments = false;  // the kernel makes datagrams of one larger message (UDP_SEGMENT, udp(7))
};

UdpSocket::UdpSocket(std::unique_ptr<State> state) : state_(std::move(state)) {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

Result<UdpSocket> UdpSocket::connect(const NetworkAddress& to, int send_buffer_bytes) {
  const int family = to.family == AddressFamily::kIpv6 ? AF_INET6 : AF_INET;
  auto fd = UniqueFd::take(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(ErrorKind::kIo, "can't make a UDP socket", errno);
  // Capped by net.core.wmem_max; what we get is enough to go on with.
  (void)::setsockopt(fd.borrow(), SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes,
                     sizeof send_buffer_bytes);
  sockaddr_storage address{};
  std::memcpy(&address, to.socket_address.data(),
              std::min<std::size_t>(sizeof address, to.socket_address_bytes));
  if (::connect(fd.borrow(), reinterpret_cast<const sockaddr*>(&address),
                to.socket_address_bytes) != 0) {
    return fail_errno(ErrorKind::kIo, "can't send to " + to.ip, errno,
                      "check the address and this machine's network (ip route get " + to.ip + ")");
  }
  auto state = std::make_unique<State>();
  state->fd = std::move(fd);
  // Kernels before 4.18 would send the message as it is.
  int segment = 0;
  socklen_t size = sizeof segment;
  state->segments = ::getsockopt(state->fd.borrow(), SOL_UDP, UDP_SEGMENT, &segment, &size) == 0;
  return UdpSocket(std::move(state));
}

UdpSendOutcome UdpSocket::send(Datagrams datagrams) {
  UdpSendOutcome outcome;
  while (outcome.sent < datagrams.size()) {
    Batch batch(datagrams.subspan(outcome.sent), state_->segments);
    const int sent = batch.send(state_->fd.borrow());
    if (sent > 0) {
      outcome.sent += static_cast<std::size_t>(sent);
    } else if (state_->segments && (errno == EINVAL || errno == EIO || errno == EMSGSIZE)) {
      // Larger than the path takes, or a device that can't: which one shows without.
      state_->segments = false;
    } else if (errno != EINTR) {
      outcome.code = errno;
      outcome.stop = sort_error(errno);
      return outcome;
    }
  }
  return outcome;
}

std::optional<std::span<std::uint8_t>> UdpSocket::receive(std::span<std::uint8_t> buffer) {
  while (true) {
    // With MSG_TRUNC the result is the datagram's size, not what fitted.
    const ssize_t size =
        ::recv(state_->fd.borrow(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    // An earlier datagram of ours may have found nobody: that is not what is asked here.
    if (size < 0 && (errno == EINTR || errno == ECONNREFUSED)) continue;
    if (size < 0) return std::nullopt;
    if (static_cast<std::size_t>(size) <= buffer.size()) {
      return buffer.first(static_cast<std::size_t>(size));
    }
  }
}

void UdpSocket::wait_readable(Nanoseconds at_most) {
  wait_for(state_->fd.borrow(), POLLIN, at_most);
}

void UdpSocket::wait_writable(Nanoseconds at_most) {
  wait_for(state_->fd.borrow(), POLLOUT, at_most);
}

std::string UdpSocket::local_ip() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(state_->fd.borrow(), generic, &size) != 0) return {};
  return numeric(generic, size);
}

}  // namespace lumen
