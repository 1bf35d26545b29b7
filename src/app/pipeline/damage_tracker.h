// What the encoder's picture and the source's have come to differ in: damage of frames that never
// reached the encoder (replaced by a newer one, not importable) is owed to the next one that does.
// Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "capture/captured_frame.h"
#include "core/damage.h"
#include "core/geometry.h"
#include "core/latest_slot.h"

namespace lumen {

/// `newer` takes the place of `older`, the frame before it: it inherits the damage of a picture
/// that nobody will see, and where it brings the cursor alone, the picture.
LatestSlot<CapturedFrame>::Displaced supersede(CapturedFrame& newer, CapturedFrame& older);

class DamageTracker {
 public:
  /// A frame was handed to the importer, whatever becomes of it.
  void captured(const CapturedFrame& frame);
  /// The picture was made anew by other means, or the encoder does not have the one before.
  void forget() { owed_ = Damage(); }
  /// For the frame that the last captured() one became, of size `target`.
  [[nodiscard]] Damage of_frame(Extent target) const;
  /// That frame is in the encoder.
  void encoded() { owed_ = Damage::nothing(); }

 private:
  Damage owed_;  // in buffer coordinates
  Fourcc format_ = Fourcc::kNone;
  Extent size_;
  Rect visible_;
};

/// The share of a picture that may differ, 0 to 1; overlaps count twice, up to 1.
double changed_share(const Damage& damage, Extent size);

}  // namespace lumen
