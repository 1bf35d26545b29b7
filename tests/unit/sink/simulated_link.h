// A network path in simulated time: a rate, a propagation delay, a queue that drops what doesn't
// fit, and random loss. Feedback comes back as a receiver of WebRTC gives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "sink/rtp/bandwidth_estimator.h"

namespace lumen::rtp::test {

struct Path {
  double bits_per_second = 50e6;
  Nanoseconds one_way = std::chrono::milliseconds{20};
  Nanoseconds queue = std::chrono::seconds{2};  // at the rate; more is dropped
  double loss = 0;                              // of packets, at random
  Nanoseconds jitter{0};                        // up to so much on top, at random
};

class SimulatedLink {
 public:
  Path path;

  void send(Timestamp at, std::size_t bytes) {
    PacketReport report{.sent = at, .arrived = std::nullopt, .bytes = bytes};
    const Timestamp start = std::max(at, free_);
    if (start - at <= path.queue && chance_(random_) >= path.loss) {
      free_ = start + Nanoseconds{std::int64_t(double(bytes) * 8e9 / path.bits_per_second)};
      const Nanoseconds jitter{std::int64_t(chance_(random_) * double(path.jitter.count()))};
      const Timestamp arrival = free_ + path.one_way + jitter;
      // A clock that began some time ago.
      report.arrived = arrival.time_since_epoch() - std::chrono::hours{3};
      in_flight_.push_back({arrival, report});
    } else {
      in_flight_.push_back({start + path.one_way, report});
    }
  }

  /// What a receiver reports at `now`, as it is known at the sender one way later.
  std::vector<PacketReport> feedback(Timestamp now) {
    std::vector<PacketReport> reports;
    while (!in_flight_.empty() && in_flight_.front().arrival + path.one_way <= now) {
      reports.push_back(in_flight_.front().report);
      in_flight_.pop_front();
    }
    return reports;
  }

  /// How long a packet sent now would stand.
  [[nodiscard]] Nanoseconds queue(Timestamp now) const {
    return std::max(Nanoseconds{0}, free_ - now);
  }

 private:
  struct Sent {
    Timestamp arrival;
    PacketReport report;
  };
  Timestamp free_{};
  std::deque<Sent> in_flight_;
  std::mt19937 random_{7};
  std::uniform_real_distribution<double> chance_{0, 1};
};

}  // namespace lumen::rtp::test
