// UDP to and from one peer, and the name resolution that goes before it. The same on Linux and
// Windows; errors are sorted by what a sender can do about them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/error.h"
#include "core/time.h"

namespace lumen {

enum class AddressFamily : std::uint8_t { kIpv4, kIpv6 };

/// A resolved destination; a plain value.
struct NetworkAddress {
  AddressFamily family = AddressFamily::kIpv4;
  std::string ip;          // numeric, without brackets: "127.0.0.1", "fe80::1%eth0"
  std::uint16_t port = 0;  // host byte order
  bool multicast = false;
  std::array<std::byte, 128> socket_address{};  // the system's own form (sockaddr_storage)
  std::uint32_t socket_address_bytes = 0;
};

/// Looks up a name or numeric address. Where a name has both, IPv4 is taken: receivers commonly
/// listen there only. Blocks as long as the system's resolver does. kInvalidArgument where there is
/// no such host.
Result<NetworkAddress> resolve_udp(const std::string& host, std::uint16_t port);

/// The same host, another port.
NetworkAddress with_port(const NetworkAddress& address, std::uint16_t port);

struct UdpSendOutcome {
  enum class Stop : std::uint8_t {
    kNone,         // everything was handed to the system
    kRefused,      // an earlier datagram found nobody listening; the one at hand was not sent yet
    kBusy,         // the send queue is full
    kUnreachable,  // no route, interface down, or a local firewall says no
    kTooLarge,     // the datagram at hand is larger than the path takes
    kFailed,
  };
  std::size_t sent = 0;  // datagrams, from the first
  Stop stop = Stop::kNone;
  int code = 0;  // errno or Winsock's code
};

/// A connected, non-blocking socket: what others than the destination send never arrives. One
/// thread at a time; another one may receive, and wait for that, meanwhile.
class UdpSocket {
 public:
  /// `send_buffer_bytes` is a wish; the system may give less. kIo where there is no route.
  static Result<UdpSocket> connect(const NetworkAddress& to, int send_buffer_bytes);

  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  ~UdpSocket();

  /// Sends in order, with as few system calls as it can; stops at the first that can't be sent.
  UdpSendOutcome send(std::span<const std::span<const std::uint8_t>> datagrams);

  /// Until the send queue has room or the time is over.
  void wait_writable(Nanoseconds at_most);

  /// The next datagram; its first bytes of `buffer`. None where none waits. What is larger than the
  /// buffer is dropped.
  std::optional<std::span<std::uint8_t>> receive(std::span<std::uint8_t> buffer);

  /// Until receive() has something to look at or the time is over.
  void wait_readable(Nanoseconds at_most);

  /// Our own numeric address on the way to the destination.
  [[nodiscard]] std::string local_ip() const;

 private:
  struct State;
  explicit UdpSocket(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lumen
