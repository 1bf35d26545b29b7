// Fitting a picture into the encoder's size: same aspect ratio, centred, black around it.
#pragma once

#include "core/color.h"
#include "core/error.h"
#include "core/geometry.h"
#include "zerocopy/cpu/picture.h"

namespace lumen::cpu {

/// Scales `source` into fit_rectangle() of `target`, which has the same format (any Y'CbCr), and
/// paints the rest black. Box filter when it shrinks, bilinear when it grows (libyuv has no box
/// filter for NV12's chroma and takes bilinear there too). `range` decides which luma is
/// black. Any thread. Errors: kInvalidArgument, kIo where libyuv could not allocate its row
/// buffers.
Result<void> scale_letterboxed(const Picture& source, const TargetPicture& target,
                               ColorRange range);

}  // namespace lumen::cpu
