// The SIMD kernels behind convert(): they check nothing, convert() has done that.
#pragma once

#include "zerocopy/cpu/picture.h"
#include "zerocopy/rgb_coefficients.h"

namespace lumen::cpu {

/// `source` is packed RGB of either depth, `target` has even_size(source.size), `coefficients` are
/// for its bit depth. Both run the best code path that this CPU has.
void convert_rgb_420(const Picture& source, const TargetPicture& target,
                     const RgbCoefficients& coefficients);  // NV12, I420, P010
void convert_rgb_444(const Picture& source, const TargetPicture& target,
                     const RgbCoefficients& coefficients);  // I444, Q410

}  // namespace lumen::cpu
