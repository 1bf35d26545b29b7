// What was sent to a UDP port of this machine, kept until a test looks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "platform/linux/unique_fd.h"

namespace lumen::test {

/// Bound to a port of 127.0.0.1; everything that was sent to it waits in its buffer.
class Receiver {
 public:
  static std::optional<Receiver> bind(std::uint16_t port) {
    Receiver receiver;
    receiver.fd_ = UniqueFd::take(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int buffer = 8 << 20;
    (void)::setsockopt(receiver.fd_.borrow(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    (void)::setsockopt(receiver.fd_.borrow(), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(receiver.fd_.borrow(), generic, size) != 0) return std::nullopt;
    if (::getsockname(receiver.fd_.borrow(), generic, &size) != 0) return std::nullopt;
    receiver.port_ = ntohs(address.sin_port);
    return receiver;
  }

  /// What has arrived; loopback delivers within send().
  std::vector<std::vector<std::uint8_t>> drain() {
    std::vector<std::vector<std::uint8_t>> packets;
    std::array<std::uint8_t, 65536> buffer{};
    while (true) {
      socklen_t from_bytes = sizeof from_;
      const ssize_t size = ::recvfrom(fd_.borrow(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&from_), &from_bytes);
      if (size < 0) return packets;
      packets.emplace_back(buffer.begin(), buffer.begin() + size);
    }
  }
  /// To `to`, who may be anybody.
  void send(const std::vector<std::uint8_t>& datagram, const sockaddr_in& to) {
    (void)::sendto(fd_.borrow(), datagram.data(), datagram.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Who sent what was drained last.
  [[nodiscard]] const sockaddr_in& from() const { return from_; }

 private:
  UniqueFd fd_;
  sockaddr_in from_{};
  std::uint16_t port_ = 0;
};

/// Two ports in a row.
struct ReceiverPair {
  Receiver rtp;
  Receiver rtcp;

  static ReceiverPair make() {
    for (int attempt = 0; attempt < 100; ++attempt) {
      auto first = Receiver::bind(0);
      if (!first || first->port() >= 65534) continue;
      auto second = Receiver::bind(static_cast<std::uint16_t>(first->port() + 1));
      if (second) return {std::move(*first), std::move(*second)};
    }
    throw std::runtime_error("no two UDP ports in a row");
  }
};

}  // namespace lumen::test
