// The pointer that the test producer sends as SPA_META_Cursor: it rests on one of the pattern's
// patches after the other, so that a test knows what lies under it. A plain colour on the left
// half, half-transparent white on the right.
#pragma once

#include <cstdint>

#include <spa/buffer/buffer.h>

#include "capture/synthetic/pattern.h"
#include "core/geometry.h"

namespace lumen::producer {

inline constexpr Extent kPointerSize{24, 16};
inline constexpr Rgb kPointerColor{220, 120, 40};
inline constexpr std::uint8_t kPointerGlass = 128;         // alpha, and each colour times alpha
inline constexpr std::uint32_t kPointerRest = 6;           // steps on one patch
inline constexpr std::uint32_t kPointerIntroduction = 30;  // steps that all bring the bitmap

inline unsigned pointer_patch(std::uint32_t step) { return step / kPointerRest % kPatchCount; }

/// Where its top left pixel lies.
inline Rect pointer_rect(unsigned patch, Extent picture) {
  const Rect rect = patch_rect(patch, picture);
  return {rect.x + (rect.size.width - kPointerSize.width) / 2,
          rect.y + (rect.size.height - kPointerSize.height) / 2, kPointerSize};
}

/// Bytes of metadata to ask for.
std::uint32_t pointer_meta_bytes();

/// Writes it where a buffer has such metadata: the place with each step, the bitmap with the first
/// steps and where one begins a rest.
void tell_pointer(spa_buffer& buffer, std::uint32_t step, Extent picture);

}  // namespace lumen::producer
