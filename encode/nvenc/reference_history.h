// Which pictures an encoder still has as references, so that it can be told which of them a
// receiver lacks. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "core/time.h"

namespace lumen::nvenc {

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

}  // namespace lumen::nvenc
