#include "sink/rtp/datagram_reader.h"

#include <chrono>
#include <utility>
#include <vector>

namespace lumen::rtp {
namespace {

// A waiting socket can't be woken on every system.
constexpr std::chrono::milliseconds kRound{50};

}  // namespace

DatagramReader::DatagramReader(UdpSocket& socket, std::size_t most_bytes,
                               std::function<void(Bytes)> take)
    : thread_([&socket, most_bytes, take = std::move(take)](const std::stop_token& stop) {
        std::vector<std::uint8_t> buffer(most_bytes);
        while (!stop.stop_requested()) {
          socket.wait_readable(kRound);
          while (const auto datagram = socket.receive(buffer)) {
            if (stop.stop_requested()) return;
            take(*datagram);
          }
        }
      }) {}

}  // namespace lumen::rtp
