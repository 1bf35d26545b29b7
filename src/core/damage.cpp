#include "core/damage.h"

#include <algorithm>

namespace lumen {
namespace {

// In 64 bits: foreign rectangles may end beyond 32.
std::uint64_t right(const Rect& rect) { return std::uint64_t{rect.x} + rect.size.width; }
std::uint64_t bottom(const Rect& rect) { return std::uint64_t{rect.y} + rect.size.height; }

bool holds(const Rect& outer, const Rect& inner) {
  return outer.x <= inner.x && outer.y <= inner.y && right(outer) >= right(inner) &&
         bottom(outer) >= bottom(inner);
}

std::uint32_t length(std::uint32_t from, std::uint64_t to) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(to - from, UINT32_MAX));
}

Rect around(const Rect& a, const Rect& b) {
  const std::uint32_t x = std::min(a.x, b.x);
  const std::uint32_t y = std::min(a.y, b.y);
  return {
      x, y, {length(x, std::max(right(a), right(b))), length(y, std::max(bottom(a), bottom(b)))}};
}

}  // namespace

void Damage::add(const Rect& rect) {
  if (!known_ || rect.size.empty()) return;
  for (const Rect& one : rects()) {
    if (holds(one, rect)) return;
  }
  const auto kept = std::remove_if(rects_.begin(), rects_.begin() + static_cast<long>(count_),
                                   [&](const Rect& one) { return holds(rect, one); });
  count_ = static_cast<std::size_t>(kept - rects_.begin());
  if (count_ < kMost) {
    rects_[count_++] = rect;
    return;
  }
  Rect all = rect;
  for (const Rect& one : rects()) all = around(all, one);
  rects_[0] = all;
  count_ = 1;
}

void Damage::add(const Damage& later) {
  if (!later.known_) *this = Damage();
  for (const Rect& rect : later.rects()) add(rect);
}

}  // namespace lumen
