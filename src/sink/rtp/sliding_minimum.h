// The smallest of the values of the last while. Pure; one thread.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>

#include "core/time.h"

namespace lumen::rtp {

class SlidingMinimum {
 public:
  explicit SlidingMinimum(Nanoseconds length) : length_(length) {}

  /// Times may come a little out of order: such a value counts as one of the newest time.
  void add(Timestamp when, Nanoseconds value) {
    if (!values_.empty()) when = std::max(when, values_.back().when);
    while (!values_.empty() && values_.back().value >= value) values_.pop_back();
    values_.push_back({when, value});
    while (when - values_.front().when > length_) values_.pop_front();
  }

  /// None before the first value.
  [[nodiscard]] std::optional<Nanoseconds> value() const {
    if (values_.empty()) return std::nullopt;
    return values_.front().value;
  }

  void clear() { values_.clear(); }

 private:
  struct Entry {
    Timestamp when;
    Nanoseconds value;
  };
  const Nanoseconds length_;
  std::deque<Entry> values_;  // growing in both
};

}  // namespace lumen::rtp
