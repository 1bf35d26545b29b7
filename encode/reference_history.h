// Which pictures an encoder still has as references, so that it can be told which of them a
// receiver lacks. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/geometry.h"
#include "core/time.h"

namespace lumen {

/// Pictures worth keeping for repairs at this size: up to eight, and no more than decoders of H.264
/// level 5.1 hold (table A-1: MaxDpbMbs is 184320). HEVC's level 5.1 (A.4.2) holds more at every
/// size but the largest, six with the current one.
inline unsigned reference_limit(Extent size) {
  const std::uint64_t macroblocks =
      ((std::uint64_t{size.width} + 15) / 16) * ((std::uint64_t{size.height} + 15) / 16);
  return static_cast<unsigned>(
      std::clamp<std::uint64_t>(184'320 / std::max<std::uint64_t>(macroblocks, 1), 1, 8));
}

class ReferenceHistory {
 public:
  /// `capacity`: pictures in the decoded picture buffer.
  explicit ReferenceHistory(std::size_t capacity) : capacity_(capacity) {}

  /// A picture was coded; an IDR drops all before it.
  void add(Timestamp pts, bool idr) {
    if (idr) pictures_.clear();
    pictures_.push_back(pts);
    if (pictures_.size() > capacity_) pictures_.pop_front();
  }

  /// The pictures from `lost_from` on, which are forgotten. Empty `usable`: nothing older is left,
  /// a key frame is needed.
  struct Lost {
    std::vector<Timestamp> pictures;
    bool usable = false;
  };
  Lost invalidate(Timestamp lost_from) {
    Lost lost;
    while (!pictures_.empty() && pictures_.back() >= lost_from) {
      lost.pictures.push_back(pictures_.back());
      pictures_.pop_back();
    }
    lost.usable = !pictures_.empty();
    return lost;
  }

 private:
  std::size_t capacity_;
  std::deque<Timestamp> pictures_;
};

}  // namespace lumen
