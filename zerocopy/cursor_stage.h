// Draws the pointer where it comes beside the pictures: between the import and the encoder, on a
// copy of the imported picture, which itself stays as the producer made it. So it can be shown
// again when only the pointer has moved, whichever route it took and whoever still reads the copy
// before.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/cursor_overlay.h"
#include "zerocopy/frame.h"

namespace lumen {

namespace cpu {
class CursorPainter;
}
namespace cuda {
class CursorPainter;
}

/// One thread, that of the GPU's contexts.
class CursorStage {
 public:
  CursorStage();
  ~CursorStage();
  CursorStage(const CursorStage&) = delete;

  /// The pointer as it is from now on.
  void show(const Cursor& cursor) { cursor_ = cursor; }
  /// What part of the buffer the imported pictures show from now on.
  void shows_part(const Rect& visible) { visible_ = visible; }

  /// The frame as it is to be encoded: itself where there is no pointer on it. Its damage counts
  /// from the frame that was encoded last, without the pointer; that of the result with it.
  /// Errors: kRetry, all copies are with the encoder; kIo, no memory; kDeviceLost.
  Result<Frame> paint(const Frame& clean);
  /// What paint() made is in the encoder.
  void encoded() { encoded_ = painted_; }
  /// What is encoded now has no pointer, and nothing is known of its damage.
  void forget() { painted_ = encoded_ = {}; }
  /// Lets go of everything in GPU memory.
  void lose_gpu();

 private:
  /// What is drawn where.
  struct Drawn {
    std::shared_ptr<const CursorShape> shape;
    Rect rect;
    std::pair<std::int32_t, std::int32_t> at{};
    friend bool operator==(const Drawn&, const Drawn&) = default;
  };

  void place(const CursorPlacement& placement);
  Result<FramePayload> draw(const Frame& clean, const Damage& changed);
  Result<cuda::CursorPainter*> gpu_painter(const std::shared_ptr<const cuda::Context>& context);

  Cursor cursor_;
  Rect visible_;
  // The overlay of a cursor in a place, for as long as both stay.
  Cursor placed_;
  std::optional<CursorPlacement> placement_;
  CursorOverlay overlay_;

  Drawn painted_;
  Drawn encoded_;
  std::unique_ptr<cpu::CursorPainter> cpu_;
  std::unique_ptr<cuda::CursorPainter> gpu_;
};

}  // namespace lumen
