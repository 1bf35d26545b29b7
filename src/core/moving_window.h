// Average and peak of the values of the last while. Pure; one thread.
#pragma once

#include <cstddef>
#include <deque>

#include "core/time.h"

namespace lumen {

class MovingWindow {
 public:
  explicit MovingWindow(Nanoseconds length) : length_(length) {}

  /// From the next value on.
  void set_length(Nanoseconds length) { length_ = length; }

  /// Times must not go back.
  void add(Timestamp when, double value) {
    values_.push_back({when, value});
    sum_ += value;
    while (when - values_.front().when > length_) {
      sum_ -= values_.front().value;
      values_.pop_front();
    }
  }
  void clear() {
    values_.clear();
    sum_ = 0;
  }

  /// True once it has seen most of its length.
  [[nodiscard]] bool full() const {
    return !values_.empty() && values_.back().when - values_.front().when > length_ * 3 / 4;
  }
  [[nodiscard]] double average() const {
    return values_.empty() ? 0 : sum_ / static_cast<double>(values_.size());
  }
  [[nodiscard]] double peak() const {
    double peak = 0;
    for (const Entry& entry : values_) peak = entry.value > peak ? entry.value : peak;
    return peak;
  }
  /// How many of the values are greater than that.
  [[nodiscard]] std::size_t above(double value) const {
    std::size_t count = 0;
    for (const Entry& entry : values_) count += entry.value > value ? 1 : 0;
    return count;
  }

 private:
  struct Entry {
    Timestamp when;
    double value;
  };
  Nanoseconds length_;
  std::deque<Entry> values_;
  double sum_ = 0;
};

}  // namespace lumen
