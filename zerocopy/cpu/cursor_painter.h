// Draws the pointer on pictures in host memory.
#pragma once

#include <memory>

#include "core/damage.h"
#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/cpu/stale_regions.h"
#include "zerocopy/cursor_overlay.h"
#include "zerocopy/frame.h"

namespace lumen::cpu {

/// One thread.
class CursorPainter {
 public:
  /// A pooled copy of `clean`, which is not written, with the overlay on it. Only what the copy
  /// lacks is copied: `changed` is what differs from the clean picture of the call before.
  /// Errors: as ImagePool::acquire().
  Result<CpuImage> paint(const CpuImage& clean, Extent size, const Damage& changed,
                         const CursorOverlay& overlay);
  /// There were pictures that were not painted.
  void forget() { stale_.forget(); }

 private:
  std::unique_ptr<ImagePool> pool_;  // made for the first picture, and for other sizes and formats
  StaleRegions stale_;               // of its images, as long as nothing is drawn on them
  Rect drawn_;                       // in the call before
};

}  // namespace lumen::cpu
