#include "encode/audio/clock_matcher.h"

#include <algorithm>
#include <cmath>

namespace lumen {
namespace {

constexpr std::size_t kChannels = 2;
constexpr std::size_t kFrameFloats = kOpusFrame * kChannels;
constexpr auto kReach = SincInterpolator::kReach;
// What the next samples of the output may still be made of.
constexpr std::size_t kKept = 4 * kReach * kChannels;
constexpr double kSampleTime = 1e9 / kOpusRate;

}  // namespace

Timestamp ClockMatcher::time_of(std::int64_t sample) const {
  // 62500/3 ns each.
  return origin_ + Nanoseconds{sample * 62'500 / 3};
}

void ClockMatcher::finish_frame(const OnFrame& on_frame) {
  if (frame_.empty()) return;
  next_ += static_cast<std::int64_t>((kFrameFloats - frame_.size()) / kChannels);
  frame_.resize(kFrameFloats, 0.0F);
  on_frame({frame_, time_of(next_ - kOpusFrame)});
  frame_.clear();
}

void ClockMatcher::begin_anew(const OnFrame& on_frame) {
  finish_frame(on_frame);
  if (next_ > 0) ++gaps_;
  input_.assign(kReach * kChannels, 0.0F);
  next_ = std::max(next_, static_cast<std::int64_t>(std::ceil(follower_.begin() / kSampleTime)));
}

void ClockMatcher::push(std::span<const float> samples, Timestamp time, const OnFrame& on_frame) {
  const std::size_t count = samples.size() / kChannels;
  if (count == 0) return;
  if (origin_ == kNoTimestamp) origin_ = time;
  if (follower_.follow(static_cast<double>((time - origin_).count()), count)) begin_anew(on_frame);
  input_.insert(input_.end(), samples.begin(), samples.end());

  const std::size_t held = input_.size() / kChannels;
  const auto frames = static_cast<double>(held);
  const double end = follower_.end();
  const double period = (end - follower_.begin()) / static_cast<double>(count);
  for (;; ++next_) {
    const double position = frames - (end - static_cast<double>(next_) * kSampleTime) / period;
    if (position >= frames - kReach) break;
    float sample[kChannels] = {};
    if (position >= kReach - 1) interpolator_.read(input_.data(), position, sample);
    frame_.insert(frame_.end(), std::begin(sample), std::end(sample));
    if (frame_.size() < kFrameFloats) continue;
    on_frame({frame_, time_of(next_ + 1 - kOpusFrame)});
    frame_.clear();
  }
  if (input_.size() > kKept) input_.erase(input_.begin(), input_.end() - kKept);
}

}  // namespace lumen
