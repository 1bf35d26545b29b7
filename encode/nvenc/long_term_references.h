// Which pictures the encoder keeps as long-term references, so that one from before a loss can be
// gone back to where references can't be invalidated. Pure.
//
// Every fourth picture is kept, in as many places as there are: with four, a loss may be reported
// 12 pictures late. An IDR drops them all and is the first of the next ones.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "core/time.h"

namespace lumen::nvenc {

class LongTermReferences {
 public:
  static constexpr unsigned kInterval = 4;

  explicit LongTermReferences(unsigned places) : places_(places, kNoTimestamp) {}

  /// How many pictures a loss may lie back for there to be one from before it.
  static unsigned reach(unsigned places) { return places > 1 ? (places - 1) * kInterval : 0; }

  /// A receiver lacks this picture and all that came after it. Returns the place of the newest one
  /// that it has; none: a key frame is needed.
  std::optional<unsigned> invalidate(Timestamp lost_from) {
    for (Timestamp& one : places_) {
      if (one >= lost_from) one = kNoTimestamp;
    }
    const auto newest = std::ranges::max_element(places_);
    if (newest == places_.end() || *newest == kNoTimestamp) return std::nullopt;
    return static_cast<unsigned>(newest - places_.begin());
  }

  /// A picture is coded: the place to keep it in, none for most.
  std::optional<unsigned> add(Timestamp pts, bool idr) {
    if (idr) std::ranges::fill(places_, kNoTimestamp);
    since_ = idr ? kInterval : since_ + 1;
    if (since_ < kInterval || places_.empty()) return std::nullopt;
    since_ = 0;
    const auto oldest = std::ranges::min_element(places_);  // a free one is older than all
    *oldest = pts;
    return static_cast<unsigned>(oldest - places_.begin());
  }

 private:
  std::vector<Timestamp> places_;
  unsigned since_ = 0;  // pictures since the last that was kept
};

}  // namespace lumen::nvenc
