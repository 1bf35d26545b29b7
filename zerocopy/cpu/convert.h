// Conversion into encoder input on the CPU: packed RGB of 8 or 10 bits, or NV12 and P010 as they
// lie, to Y'CbCr of 8 or 10 bits, 4:2:0 or 4:4:4. Every source pixel is read once and every target
// byte written once, whatever SIMD the machine has.
#pragma once

#include "core/color.h"
#include "core/error.h"
#include "zerocopy/cpu/picture.h"

namespace lumen::cpu {

/// Converts the whole of `source` into `target`, whose size is even_size(source.size): the last
/// column and row of an odd source are repeated. Sources: packed RGB of either depth (alpha
/// does not count), NV12 and P010.
///
/// From RGB, `color` gives matrix and range; every result is within ±1 of the exact value, of ten
/// bits where the target has them. A chroma sample of 4:2:0 is the matrix applied to the mean of
/// its 2×2 block. That is where MPEG-1 sites chroma; the left siting that decoders assume by
/// default (H.264 E.2.1) would need a wider filter, and like libyuv and NVENC's own conversion we
/// accept the quarter-pixel offset for one pass. From NV12 and P010, samples are copied (for 4:4:4
/// repeated, for ten bits shifted up, from ten to eight rounded): matrix and range stay the
/// source's, `color` does not count.
///
/// Reads nothing beyond the last pixel of a row, writes nothing beyond the last sample of one. Any
/// alignment, any pitch that holds a row. Any thread. Errors: kInvalidArgument.
Result<void> convert(const Picture& source, const TargetPicture& target,
                     const ColorDescription& color);

}  // namespace lumen::cpu
