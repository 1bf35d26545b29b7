#include "app/pipeline/damage_tracker.h"

#include <algorithm>
#include <utility>

#include "zerocopy/frame_damage.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {

LatestSlot<CapturedFrame>::Displaced supersede(CapturedFrame& newer, CapturedFrame& older) {
  using Displaced = LatestSlot<CapturedFrame>::Displaced;
  if (!older.has_picture()) return Displaced::kMerged;
  if (!newer.has_picture()) {
    std::swap(newer, older);
    std::swap(newer.cursor, older.cursor);
    return Displaced::kMerged;
  }
  const bool same =
      newer.format == older.format && newer.size == older.size && newer.crop == older.crop;
  newer.damage.add(same ? older.damage : Damage());
  return Displaced::kLost;
}

void DamageTracker::captured(const CapturedFrame& frame) {
  const auto visible = visible_part(frame);
  const bool same =
      visible && frame.format == format_ && frame.size == size_ && *visible == visible_;
  owed_.add(same ? frame.damage : Damage());
  format_ = frame.format;
  size_ = frame.size;
  visible_ = visible.value_or(Rect{});
}

Damage DamageTracker::of_frame(Extent target) const {
  if (visible_.size.empty()) return {};
  return damage_in_frame(owed_, visible_, target);
}

double changed_share(const Damage& damage, Extent size) {
  if (!damage.known()) return 1;
  double pixels = 0;
  for (const Rect& rect : damage.rects()) {
    pixels += static_cast<double>(rect.size.width) * rect.size.height;
  }
  return std::min(1.0, pixels / (static_cast<double>(size.width) * size.height));
}

}  // namespace lumen
