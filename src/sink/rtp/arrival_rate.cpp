#include "sink/rtp/arrival_rate.h"

#include <algorithm>

namespace lumen::rtp {
namespace {

// A receiver says when a packet came, and may say the same of all of them.
constexpr std::size_t kMostArrivals = 8192;

}  // namespace

void ArrivalRate::add(Nanoseconds arrived, std::size_t bytes) {
  const auto place =
      std::upper_bound(arrivals_.begin(), arrivals_.end(), arrived,
                       [](Nanoseconds time, const Arrival& arrival) { return time < arrival.at; });
  arrivals_.insert(place, {arrived, bytes});
  while (arrivals_.back().at - arrivals_.front().at > longest_ ||
         arrivals_.size() > kMostArrivals) {
    arrivals_.pop_front();
  }
}

// The first packet only begins the time that is measured: its bytes came before.
std::optional<double> ArrivalRate::bits_per_second(Nanoseconds length, std::size_t packets) const {
  if (arrivals_.size() < packets + 1) return std::nullopt;
  const Nanoseconds last = arrivals_.back().at;
  std::size_t bytes = 0;
  std::size_t count = 0;
  auto arrival = arrivals_.rbegin();
  while (std::next(arrival) != arrivals_.rend() &&
         (count < packets || last - std::next(arrival)->at <= length)) {
    bytes += arrival->bytes;
    ++count;
    ++arrival;
  }
  const Nanoseconds spent = last - arrival->at;
  if (spent < length / 10) return std::nullopt;
  return static_cast<double>(bytes) * 8e9 / static_cast<double>(spent.count());
}

}  // namespace lumen::rtp
