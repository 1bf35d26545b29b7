// A frame number that a machine can read back from a picture after lossy coding, 4:2:0 subsampling
// and scaling.
//
// Layout: the top eighth of the picture is a grid of 24 × 2 equal cells, each all white (1) or all
// black (0). Number bits and CRC bits come most significant first.
//
//   column   0 1 | 2 … 21                    | 22 23
//   row 0    1 0 | number bits 31 … 12       | 1 0
//   row 1    0 1 | number bits 11 … 0, CRC-8 | 0 1
//
// The eight outer cells are sync: they tell white from black and refuse mirrored and upside-down
// pictures. CRC-8: polynomial x⁸+x²+x+1 (0x07), initial value 0xff, over the number's four bytes,
// most significant first. Cell i of n along a side of length s covers [i·s/n, (i+1)·s/n); so the
// code scales with the picture. Readable from 128 × 72 pixels up.
#pragma once

#include <cstdint>
#include <optional>

#include "capture/synthetic/pixels_view.h"
#include "core/geometry.h"

namespace lumen::barcode {

inline constexpr Extent kSmallest{128, 72};

/// Where the cells lie in a picture of that size.
Rect strip(Extent picture);

/// Draws the whole strip. Any size; below kSmallest it may be unreadable.
void draw(const PixelsView& view, std::uint32_t number);

/// Reads the number from 8-bit luma of any range. `size` is the picture that draw() saw, perhaps
/// scaled: for a letterboxed one pass the inner part. Nothing: no barcode, or damaged.
std::optional<std::uint32_t> read_luma(const std::uint8_t* luma, Pitch pitch, Extent size);

}  // namespace lumen::barcode
