// The SIMD kernel behind convert(): checks nothing, convert() has done that.
#pragma once

#include "zerocopy/cpu/picture.h"
#include "zerocopy/rgb_coefficients.h"

namespace lumen::cpu {

/// `source` is packed RGB, `target` is NV12 or I420 of even_size(source.size). Runs the best code
/// path that this CPU has.
void convert_rgb(const Picture& source, const TargetPicture& target,
                 const RgbCoefficients& coefficients);

}  // namespace lumen::cpu
