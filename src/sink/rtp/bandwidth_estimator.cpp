#include "sink/rtp/bandwidth_estimator.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace lumen::rtp {
namespace {

using namespace std::chrono_literals;

// Long enough to see the way without a queue once, short enough to forget a way that was shorter.
constexpr Nanoseconds kShortestWindow = 15s;
// A key frame's own packets queue for some tens of milliseconds, and radio links pause as long: a
// queue that stands is one that no packet arriving in this time got around.
constexpr Nanoseconds kStandingWindow = 100ms;
constexpr Nanoseconds kQueue = 30ms;        // stands from here on,
constexpr Nanoseconds kEmpty = 10ms;        // until here
constexpr Nanoseconds kLongestQueue = 60s;  // more is a receiver's nonsense
// The queue is emptied in this time at the rate that was measured.
constexpr double kDrainSeconds = 0.5;
constexpr double kShareOfCapacity = 0.9;
// Once little is sent: a queue of our own shrinks by then.
constexpr Nanoseconds kStubborn = 1500ms;

constexpr Nanoseconds kCalm = 500ms;  // without a queue, before growing
constexpr double kGrowthNear = 0.08;  // per second
// Each time that the same capacity is found again, half of the growth near it is left, to no less
// than this: a queue for each look is a price to pay seldom.
constexpr double kSlowestGrowth = 0.025;
constexpr double kSame = 0.1;     // apart, of what was found before
constexpr double kBeyond = 1.05;  // of the capacity without a queue: it was another
constexpr double kGrowth = 0.25;
constexpr double kNear = 0.15;  // around the capacity
constexpr double kUsed = 0.6;   // of the estimate, to learn anything from its being carried
constexpr Nanoseconds kMaxStep = 250ms;

constexpr Nanoseconds kLossWindow = 1s;
constexpr std::size_t kLossPackets = 50;
constexpr double kHeavyLoss = 0.10;
constexpr double kLightLoss = 0.05;
// Of a receiver report that says nothing of delay (draft-ietf-rmcat-gcc-02 section 6).
constexpr double kLightReportedLoss = 0.02;

constexpr Nanoseconds kRembHolds = 10s;

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

BandwidthEstimator::BandwidthEstimator(const BandwidthLimits& limits)
    : limits_(limits),
      estimate_(static_cast<double>(limits.highest_bps)),
      growth_near_(kGrowthNear),
      shortest_(kShortestWindow),
      standing_(kStandingWindow),
      arrivals_(kLossWindow) {}

std::optional<std::uint64_t> BandwidthEstimator::bits_per_second(Timestamp now) const {
  const bool capped = remb_ && now < remb_until_;
  if (!reported_ && !capped) return std::nullopt;
  const auto estimate = static_cast<std::uint64_t>(estimate_);
  return capped ? std::max(limits_.lowest_bps, std::min(estimate, *remb_)) : estimate;
}

void BandwidthEstimator::set(double bits_per_second) {
  estimate_ = std::clamp(bits_per_second, static_cast<double>(limits_.lowest_bps),
                         static_cast<double>(limits_.highest_bps));
}

void BandwidthEstimator::count(const PacketReport& packet) {
  outcomes_.push_back({packet.sent, !packet.arrived});
  lost_ += packet.arrived ? 0 : 1;
  while (outcomes_.back().sent - outcomes_.front().sent > kLossWindow) {
    lost_ -= outcomes_.front().lost ? 1 : 0;
    outcomes_.pop_front();
  }
  if (!packet.arrived) return;
  const Nanoseconds delay = *packet.arrived - packet.sent.time_since_epoch();
  shortest_.add(packet.sent, delay);
  // By arrival: a queue that grows fast spreads what was sent within this time over seconds.
  standing_.add(Timestamp(*packet.arrived), delay);
  newest_sent_ = std::max(newest_sent_, packet.sent);
  arrivals_.add(*packet.arrived, packet.bytes);
}

void BandwidthEstimator::on_packets(Timestamp now, std::span<const PacketReport> packets) {
  if (packets.empty()) return;
  reported_ = true;
  for (const PacketReport& packet : packets) count(packet);
  if (const auto shortest = shortest_.value()) {
    queue_ = std::min(*standing_.value() - *shortest, kLongestQueue);
  }

  if (queue_ > kQueue || (draining_ && queue_ > kEmpty)) {
    congested(now);
  } else {
    if (draining_) recovered(now);
    heed_loss(now);
    grow(now);
  }
  updated_ = now;
}

void BandwidthEstimator::congested(Timestamp now) {
  if (!draining_) {
    draining_ = true;
    first_found_.reset();
    looked_at_ = now;
    queue_then_.reset();
  }
  calm_since_ = kNoTimestamp;
  if (is_not_ours(now)) {
    shortest_.clear();
    shortest_.add(newest_sent_, *standing_.value());
    queue_ = Nanoseconds{0};
    capacity_ = first_found_;  // what was found since then is only what was sent
    recovered(now);
    return;
  }
  // Short: the rate from before the queue must not count.
  const auto arriving = arrivals_.bits_per_second(kStandingWindow, 20);
  if (!arriving) return;
  if (!first_found_) {
    first_found_ = *arriving;
    const bool same = capacity_ && std::abs(*arriving - *capacity_) < *capacity_ * kSame;
    growth_near_ = same ? std::max(growth_near_ / 2, kSlowestGrowth) : kGrowthNear;
  }
  if (queue_ > kQueue) capacity_ = *arriving;
  const double drained = *arriving * (kShareOfCapacity - seconds(queue_) / kDrainSeconds);
  set(std::min(estimate_, drained));
}

// Reports lag behind by the queue itself: only packets sent since the rate was lowered can tell.
bool BandwidthEstimator::is_not_ours(Timestamp now) {
  if (newest_sent_ < looked_at_) return false;
  if (!queue_then_) queue_then_ = queue_;
  if (newest_sent_ - looked_at_ < kStubborn) return false;
  const bool stays = queue_ > *queue_then_ * 3 / 4;
  looked_at_ = now;
  queue_then_.reset();
  return stays;
}

void BandwidthEstimator::recovered(Timestamp now) {
  draining_ = false;
  calm_since_ = now;
  if (capacity_) set(*capacity_ * kShareOfCapacity);
}

bool BandwidthEstimator::near_capacity() const {
  return capacity_ && std::abs(estimate_ - *capacity_) < *capacity_ * kNear;
}

void BandwidthEstimator::grow(Timestamp now) {
  if (calm_since_ == kNoTimestamp) calm_since_ = now;
  if (updated_ == kNoTimestamp || now - calm_since_ < kCalm || queue_ > kEmpty) return;
  const double loss = outcomes_.empty() ? 0 : double(lost_) / double(outcomes_.size());
  if (loss > kLightLoss) return;
  const auto arriving = arrivals_.bits_per_second(kLossWindow, 20);
  if (!arriving || *arriving < kUsed * estimate_) return;
  const Nanoseconds step = std::min(now - updated_, kMaxStep);
  if (capacity_ && estimate_ > *capacity_ * kBeyond) growth_near_ = kGrowthNear;
  set(estimate_ * std::exp((near_capacity() ? growth_near_ : kGrowth) * seconds(step)));
}

void BandwidthEstimator::heed_loss(Timestamp now) {
  if (outcomes_.size() < kLossPackets) return;
  const double loss = double(lost_) / double(outcomes_.size());
  if (loss <= kHeavyLoss) return;
  const auto arriving = arrivals_.bits_per_second(kLossWindow, 20);
  if (arriving) {
    capacity_ = *arriving;
    growth_near_ = kGrowthNear;
    set(std::min(estimate_, *arriving * (1 - loss / 2)));
  }
  // The next decision is about packets that were sent after this one.
  outcomes_.clear();
  lost_ = 0;
  calm_since_ = now;
}

void BandwidthEstimator::on_loss(Timestamp now, double share, std::optional<double> sent_bps) {
  const Nanoseconds since =
      updated_ == kNoTimestamp ? 0ns : std::min<Nanoseconds>(now - updated_, 5s);
  reported_ = true;
  updated_ = now;
  if (share > kHeavyLoss) {
    set(std::min(estimate_, sent_bps.value_or(estimate_)) * (1 - share / 2));
  } else if (share < kLightReportedLoss) {
    set(estimate_ * std::exp(kGrowthNear * seconds(since)));
  }
}

void BandwidthEstimator::on_remb(Timestamp now, std::uint64_t bits_per_second) {
  remb_ = bits_per_second;
  remb_until_ = now + kRembHolds;
}

}  // namespace lumen::rtp
