// A narrow, lossy, long network between a browser and the host: a UDP relay on loopback with a
// rate, a queue that drops what doesn't fit, a delay and losses. For machines whose kernel has no
// netem.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <netinet/in.h>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::browser {

/// Of one direction.
struct Line {
  double bits_per_second = 0;  // 0: any
  std::chrono::nanoseconds delay{0};
  std::chrono::nanoseconds queue{std::chrono::seconds{2}};
  double loss = 0;       // of packets, at random
  unsigned burst = 1;    // so many in a row are lost at a time
  double reordered = 0;  // of packets, that come 10 ms late
};

class Relay {
 public:
  static Result<std::unique_ptr<Relay>> start();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay();

  /// Where the browser is to send to.
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Where the host listens, on 127.0.0.1. Until then nothing passes.
  void connect(std::uint16_t host_port) { host_port_ = host_port; }

  /// From the host to the browser; the other way has the delay only.
  void set(const Line& line);

  struct Counts {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t lost = 0;               // at random
    std::uint64_t overflowed = 0;         // dropped by the queue
    std::chrono::nanoseconds longest{0};  // that a packet stood in the queue
  };
  /// To the browser, since the last call.
  Counts take_counts();

 private:
  using Clock = std::chrono::steady_clock;
  struct Packet {
    Clock::time_point due;
    bool to_browser;
    std::vector<std::uint8_t> bytes;
  };

  Relay(UniqueFd front, UniqueFd back, std::uint16_t port);
  void run();
  void receive(int fd, bool to_browser);
  void admit(std::vector<std::uint8_t> bytes, bool to_browser);
  void send(const Packet& packet);

  UniqueFd front_;  // towards the browser
  UniqueFd back_;   // towards the host
  const std::uint16_t port_;
  std::atomic<std::uint16_t> host_port_{0};
  sockaddr_in browser_{};

  std::mutex mutex_;
  Line line_;
  Counts counts_;
  Clock::time_point free_{};
  unsigned burst_left_ = 0;
  std::deque<Packet> packets_;  // by the time they are due
  std::mt19937 random_{11};

  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace lumen::browser
