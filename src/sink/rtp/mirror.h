// Sends a copy of a sink's RTP packets elsewhere, to be looked at: with tcpdump, Wireshark, a
// player. What becomes of the copy never troubles the sink.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/error.h"
#include "platform/udp_socket.h"
#include "sink/rtp/nal.h"

namespace lumen::rtp {

struct MirrorTarget {
  std::string host;  // name or address; IPv6 without brackets
  std::uint16_t port = 0;

  friend bool operator==(const MirrorTarget&, const MirrorTarget&) = default;
};

/// One thread at a time.
class Mirror {
 public:
  /// kInvalidArgument: no such host; kIo: no way there.
  static Result<Mirror> create(const MirrorTarget& target);
  /// Nothing where no copy is wanted.
  static Result<std::optional<Mirror>> create_if(const std::optional<MirrorTarget>& target);

  /// Errors end the sending of these packets; the first is logged.
  void send(std::span<const Bytes> packets);

 private:
  Mirror(UdpSocket socket, std::string name) : socket_(std::move(socket)), name_(std::move(name)) {}

  UdpSocket socket_;
  std::string name_;
  bool told_ = false;
};

}  // namespace lumen::rtp
