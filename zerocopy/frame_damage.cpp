#include "zerocopy/frame_damage.h"

#include <algorithm>

#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

struct Span {
  std::uint64_t from;
  std::uint64_t to;  // exclusive
};

/// One axis: the part of [at, at + length) inside the visible part, counted from its beginning.
Span inside(std::uint64_t at, std::uint64_t length, std::uint64_t begin, std::uint64_t size) {
  const std::uint64_t from = std::clamp(at, begin, begin + size);
  const std::uint64_t to = std::clamp(at + length, begin, begin + size);
  return {from - begin, to - begin};
}

/// One axis, from `source` pixels into `size` pixels that begin at `offset`. The filters that scale
/// look at most two pixels further than a pixel's own share, on either side.
Span placed(Span span, std::uint64_t source, std::uint64_t offset, std::uint64_t size) {
  constexpr std::uint64_t kReach = 2;
  if (source != size) {
    const std::uint64_t from = span.from > kReach ? span.from - kReach : 0;
    const std::uint64_t to = std::min(span.to + kReach, source);
    span = {from * size / source, (to * size + source - 1) / source};
    span.from = span.from > kReach ? span.from - kReach : 0;
    span.to = std::min(span.to + kReach, size);
  }
  return {(offset + span.from) / 2 * 2, (offset + span.to + 1) / 2 * 2};
}

}  // namespace

Damage damage_in_frame(const Damage& damage, const Rect& visible, Extent target) {
  if (!damage.known()) return {};
  const Extent source = even_size(visible.size);
  // The routes place scaled pictures of odd size differently, by up to two pixels.
  if (source != visible.size && source != target) return {};
  const Rect place = fit_rectangle(source, target);
  Damage result = Damage::nothing();
  for (const Rect& rect : damage.rects()) {
    const Span across = inside(rect.x, rect.size.width, visible.x, visible.size.width);
    const Span down = inside(rect.y, rect.size.height, visible.y, visible.size.height);
    if (across.from == across.to || down.from == down.to) continue;
    const Span x = placed(across, source.width, place.x, place.size.width);
    const Span y = placed(down, source.height, place.y, place.size.height);
    const auto pixels = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
    result.add({pixels(x.from),
                pixels(y.from),
                {pixels(std::min<std::uint64_t>(x.to, target.width) - x.from),
                 pixels(std::min<std::uint64_t>(y.to, target.height) - y.from)}});
  }
  return result;
}

}  // namespace lumen
