// Damage on its way from the producer's buffer to the frame that is encoded.
#pragma once

#include "capture/captured_frame.h"
#include "core/damage.h"
#include "core/geometry.h"

namespace lumen {

/// What differs in a frame of size `target` where `damage` differs in the buffer of which it shows
/// the part `visible`, as importers place it there (fit_rectangle()). Rounded outwards: chroma is
/// shared by 2×2 pixels, and a scaled pixel is made of its neighbours.
Damage damage_in_frame(const Damage& damage, const Rect& visible, Extent target);

}  // namespace lumen
