#include "core/frame_pacer.h"

#include <algorithm>

namespace lumen {
namespace {

// Gaps this long are pauses and say nothing about the source's rate.
constexpr int kPauseIntervals = 4;

// Smoothing over about this many frames: jitter of half an interval then moves the estimate by an
// eighth of an interval at most, which keeps a source at the cap above the border to "faster".
constexpr int kSmoothing = 8;

}  // namespace

FramePacer::FramePacer(FrameRate cap)
    : cap_(cap), interval_(frame_offset(cap, 1)), source_interval_(interval_) {}

void FramePacer::watch(Timestamp candidate) {
  if (last_candidate_ != kNoTimestamp) {
    const Nanoseconds gap = candidate - last_candidate_;
    if (gap > Nanoseconds{0} && gap < kPauseIntervals * interval_) {
      source_interval_ += (gap - source_interval_) / kSmoothing;
    }
  }
  last_candidate_ = candidate;
}

Timestamp FramePacer::due(Timestamp candidate) {
  if (cap_.variable()) return candidate;
  watch(candidate);
  if (!in_step()) return candidate;
  const bool faster = source_interval_ < interval_ * 3 / 4;
  const Timestamp opens = next_slot() - (faster ? source_interval_ / 2 : interval_);
  if (candidate >= opens) return candidate;
  // Too early. The source's next frame is expected to be nearer to the slot, so wait for it past
  // its due time; only if it doesn't come, this was the last one before a pause and goes out late.
  return std::max(opens, candidate + std::min(source_interval_, interval_) * 3 / 2);
}

void FramePacer::accept(Timestamp when) {
  if (cap_.variable()) return;
  if (!in_step() || when >= next_slot() + interval_) {
    epoch_ = when;
    next_ = 0;
  }
  ++next_;
}

Timestamp FramePacer::next_slot() const {
  return in_step() ? epoch_ + frame_offset(cap_, next_) : kNoTimestamp;
}

}  // namespace lumen
