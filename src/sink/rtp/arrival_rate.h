// How many bits per second arrive, by the receiver's clock. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/time.h"

namespace lumen::rtp {

class ArrivalRate {
 public:
  /// `longest` is what is remembered.
  explicit ArrivalRate(Nanoseconds longest) : longest_(longest) {}

  /// Arrivals may be a little out of order.
  void add(Nanoseconds arrived, std::size_t bytes);

  /// Over the last `length`, or longer where that holds fewer than `packets`. None before there are
  /// as many, over a tenth of that time at least.
  [[nodiscard]] std::optional<double> bits_per_second(Nanoseconds length,
                                                      std::size_t packets) const;

 private:
  struct Arrival {
    Nanoseconds at;
    std::size_t bytes;
  };
  const Nanoseconds longest_;
  std::deque<Arrival> arrivals_;  // by time
};

}  // namespace lumen::rtp
