// Which part of a picture differs from the one before it.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "core/geometry.h"

namespace lumen {

/// A set of rectangles that holds every pixel that differs, and may hold others. Allocates nothing:
/// real-time threads may use it. Beyond kMost rectangles it becomes the one around them all.
class Damage {
 public:
  static constexpr std::size_t kMost = 16;

  Damage() = default;  // not known: everything may differ
  static Damage nothing() {
    Damage damage;
    damage.known_ = true;
    return damage;
  }

  [[nodiscard]] bool known() const { return known_; }
  /// Where it is known.
  [[nodiscard]] std::span<const Rect> rects() const { return {rects_.data(), count_}; }
  [[nodiscard]] bool empty() const { return known_ && count_ == 0; }

  /// Empty rectangles add nothing. What is inside another is not kept twice.
  void add(const Rect& rect);
  /// What differs from a picture before the one that `later` speaks of.
  void add(const Damage& later);

 private:
  bool known_ = false;
  std::size_t count_ = 0;
  std::array<Rect, kMost> rects_{};
};

}  // namespace lumen
