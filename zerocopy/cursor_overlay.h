// The pointer's picture as it lies over one place of one kind of frame: in the frame's colours,
// scaled as the picture is, sampled as its chroma is. Small, and made anew when the pointer moves.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "capture/cursor.h"
#include "core/color.h"
#include "core/geometry.h"
#include "core/pixel_format.h"
#include "zerocopy/cuda/kernels/blend_kernel.h"

namespace lumen {

/// Where a captured picture lies in a frame.
struct CursorPlacement {
  Rect visible;                   // the part of the buffer that the frame shows; not empty
  Extent frame;                   // its size; even sides, but for packed RGB
  Fourcc format = Fourcc::kNone;  // of the frame: Y'CbCr or packed RGB
  ColorDescription color;         // of the frame

  friend bool operator==(const CursorPlacement&, const CursorPlacement&) = default;
};

/// One channel of a frame: Y, Cb, Cr, or a byte of packed RGB.
struct OverlayChannel {
  unsigned plane = 0;
  Rect rect;  // in samples of this channel
  std::uint32_t offset_bytes =
      0;                         // from the start of the plane's row to the channel's first sample
  std::uint32_t step_bytes = 1;  // from a sample to the next
  std::vector<cuda::OverlaySample> samples;  // rows without padding
};

struct CursorOverlay {
  Rect rect;  // of the frame that is drawn over; even place and sides for Y'CbCr. Empty: nothing is
  std::array<OverlayChannel, 3> channels;
};

/// The cursor's colours are those of sRGB, or whatever the picture's own RGB is: H.273's matrix is
/// applied to them as to the picture. A cursor that is not in the picture makes an empty overlay.
CursorOverlay make_overlay(const Cursor& cursor, const CursorPlacement& placement);

}  // namespace lumen
