#include "sink/web/playout_delay.h"

#include <algorithm>
#include <chrono>

namespace lumen::web {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kWindow = 3s;
constexpr std::size_t kEnough = 100;  // packets to judge by
constexpr double kLossy = 0.01;
constexpr double kLossless = 0.003;
constexpr Nanoseconds kRelease = 10s;  // without losses
// A receiver notices a gap with the next packet and asks after some milliseconds; half of the
// repairs that are lost themselves are not waited for.
constexpr Nanoseconds kNoticing = 20ms;
constexpr Nanoseconds kLongest = 300ms;

}  // namespace

void PlayoutDelay::on_packets(Timestamp now, std::span<const rtp::PacketReport> packets) {
  if (packets.empty()) return;
  for (const rtp::PacketReport& packet : packets) {
    outcomes_.push_back({packet.sent, !packet.arrived});
    lost_ += packet.arrived ? 0 : 1;
  }
  round_trip_.add(now, now - packets.back().sent);
  while (outcomes_.back().sent - outcomes_.front().sent > kWindow) {
    lost_ -= outcomes_.front().lost ? 1 : 0;
    outcomes_.pop_front();
  }
  if (outcomes_.size() < kEnough) return;
  const double loss = static_cast<double>(lost_) / static_cast<double>(outcomes_.size());
  if (loss > kLossless) lossless_since_.reset();
  if (loss > kLossy) {
    const Nanoseconds delay = std::min(*round_trip_.value() + kNoticing, kLongest);
    // Only ever longer while packets are lost: each change is a jolt.
    tens_ = std::max(tens_, static_cast<unsigned>((delay + 9ms) / 10ms));
  } else if (loss <= kLossless && tens_ != 0) {
    if (!lossless_since_) lossless_since_ = now;
    if (now - *lossless_since_ > kRelease) tens_ = 0;
  }
}

}  // namespace lumen::web
