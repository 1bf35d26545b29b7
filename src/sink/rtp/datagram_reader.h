// A thread that takes what arrives at a socket.
#pragma once

#include <functional>
#include <span>
#include <thread>

#include "platform/udp_socket.h"
#include "sink/rtp/nal.h"

namespace lumen::rtp {

class DatagramReader {
 public:
  /// `take` is called on the thread, for each datagram up to `most_bytes`; larger ones are dropped.
  /// The socket must outlive the reader, and may be sent through meanwhile.
  DatagramReader(UdpSocket& socket, std::size_t most_bytes, std::function<void(Bytes)> take);
  DatagramReader(const DatagramReader&) = delete;
  DatagramReader& operator=(const DatagramReader&) = delete;
  /// Waits for a call under way and the thread, at most 50 ms longer.
  ~DatagramReader() = default;

 private:
  std::jthread thread_;
};

}  // namespace lumen::rtp
