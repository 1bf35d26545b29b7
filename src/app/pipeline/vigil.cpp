#include "app/pipeline/vigil.h"

#include <algorithm>
#include <utility>

namespace lumen {

bool Vigil::set_demand(const Demand& demand, Timestamp now) {
  if (demand_.frames && !demand.frames) unwanted_since_ = now;
  demand_ = demand;
  if (!resting_ || !demand.frames) return false;
  resting_ = false;
  woken_ = now;
  // A picture may well have been missed meanwhile, but none is missing yet.
  if (missing_since_ != kNoTimestamp && !lost_) missing_since_ = now;
  return true;
}

void Vigil::source_lost(Timestamp now) {
  if (lost_) return;
  lost_ = true;
  missing_since_ = now;
  patience_ = settings_.loss_patience;
}

void Vigil::source_found(Timestamp now) {
  if (!std::exchange(lost_, false)) return;
  missing_since_ = now;
}

bool Vigil::frame_came(Timestamp captured) {
  if (lost_ && captured < missing_since_) return false;
  lost_ = false;
  missing_since_ = kNoTimestamp;
  const bool replaces = showing_;
  showing_ = false;
  return replaces;
}

Timestamp Vigil::rest_due() const {
  return demand_.frames ? kNever : unwanted_since_ + settings_.rest_patience;
}

Timestamp Vigil::waiting_due() const {
  if (!demand_.frames || !demand_.waiting_picture || missing_since_ == kNoTimestamp) return kNever;
  return showing_ ? last_encoded_ + settings_.waiting_interval : missing_since_ + patience_;
}

Timestamp Vigil::repeat_due(Last last) const {
  if (last == Last::kNone || showing_) return kNever;
  const Timestamp due = last_encoded_ + settings_.still_interval;
  return woken_ == kNoTimestamp ? due : std::max(due, woken_ + settings_.wake_patience);
}

Timestamp Vigil::next(Last last) const {
  if (resting_) return kNever;
  return std::min({rest_due(), waiting_due(), repeat_due(last)});
}

Vigil::Act Vigil::act(Timestamp now, Last last) {
  if (resting_) return Act::kNothing;
  if (now >= rest_due()) {
    resting_ = true;
    showing_ = false;
    return Act::kRest;
  }
  if (now >= waiting_due()) {
    showing_ = true;
    return Act::kShowWaiting;
  }
  return now >= repeat_due(last) ? Act::kRepeat : Act::kNothing;
}

}  // namespace lumen
