#include "app/pipeline/damage_tracker.h"

#include <algorithm>

#include "zerocopy/frame_damage.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {

void inherit_damage(CapturedFrame& newer, const CapturedFrame& skipped) {
  const bool same =
      newer.format == skipped.format && newer.size == skipped.size && newer.crop == skipped.crop;
  newer.damage.add(same ? skipped.damage : Damage());
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
