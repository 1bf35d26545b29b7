// When a sound card's samples are heard, on our clock.
//
// A delay-locked loop of second order over the blocks' timestamps, as F. Adriaensen describes it
// ("Using a DLL to filter time", Linux Audio Conference 2005): it takes out the jitter of single
// timestamps and learns the rate at which the other clock runs, so that no error is left by a
// constant skew. Pure; one thread.
#pragma once

#include <cstddef>

namespace lumen {

/// Times are nanoseconds since whatever the caller likes.
class ClockFollower {
 public:
  explicit ClockFollower(unsigned nominal_rate) : nominal_(1e9 / nominal_rate) {}

  /// The next block: when its first sample is heard, as far as is known, and how many samples it
  /// has (at least one). True where it does not follow upon the block before: the first one, or
  /// after a gap.
  bool follow(double time, std::size_t samples);

  /// Where the latest block lies. One block's end is the next one's begin, unless it jumped.
  [[nodiscard]] double begin() const { return begin_; }
  [[nodiscard]] double end() const { return end_; }
  /// How much faster than its nominal rate the other clock runs, in parts per million.
  [[nodiscard]] double drift_ppm() const { return (nominal_ / period_ - 1) * 1e6; }

 private:
  bool begin_anew(double time, std::size_t samples);

  double nominal_;  // one sample
  double period_ = nominal_;
  double begin_ = 0;
  double end_ = 0;
  double age_ = 0;        // of the loop
  unsigned strange_ = 0;  // blocks in a row that are off
  bool running_ = false;
};

}  // namespace lumen
