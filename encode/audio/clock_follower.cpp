#include "encode/audio/clock_follower.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lumen {
namespace {

constexpr double kSecond = 1e9;
// Locks within seconds, then follows slowly: what is left of the timestamps' jitter is heard as
// changes of pitch.
constexpr double kFirstBandwidth = 0.5;  // Hz
constexpr double kBandwidth = 0.05;
constexpr double kMostPerBlock = 0.5;  // radians; stable for blocks of any size
// A smaller error is pulled in, which changes the pitch by 0.4% at most: 8 cents.
constexpr double kStrange = 10e6;
// A hole, beyond doubt. Less than that may be one late wake-up, so it has to last.
constexpr double kHole = 100e6;
constexpr unsigned kStrangeBlocks = 5;
// No sound card is so far off; what a broken clock does must not be learnt.
constexpr double kMostDrift = 2e-3;

}  // namespace

bool ClockFollower::begin_anew(double time, std::size_t samples) {
  // The rate stays: it belongs to the same clock as before the gap, most likely.
  begin_ = time;
  end_ = time + static_cast<double>(samples) * period_;
  age_ = 0;
  strange_ = 0;
  running_ = true;
  return true;
}

bool ClockFollower::follow(double time, std::size_t samples) {
  if (!running_) return begin_anew(time, samples);
  const double error = time - end_;
  if (std::abs(error) > kHole) return begin_anew(time, samples);
  if (std::abs(error) > kStrange) {
    if (++strange_ >= kStrangeBlocks) return begin_anew(time, samples);
  } else {
    strange_ = 0;
  }
  const auto count = static_cast<double>(samples);
  const double length = count * period_;
  begin_ = end_;
  end_ += length;
  age_ += length;
  if (strange_ > 0) return false;  // unbelieved so far: goes on as before

  const double bandwidth = std::max(kBandwidth, kFirstBandwidth / (1 + age_ / kSecond));
  const double omega = std::min(2 * std::numbers::pi * bandwidth * length / kSecond, kMostPerBlock);
  end_ += std::numbers::sqrt2 * omega * error;
  period_ += omega * omega * error / count;
  period_ = std::clamp(period_, nominal_ * (1 - kMostDrift), nominal_ * (1 + kMostDrift));
  return false;
}

}  // namespace lumen
