// What colours a picture has after its import, and a stream that begins with it.
#pragma once

#include "core/color.h"
#include "core/pixel_format.h"

namespace lumen {

/// Y'CbCr keeps what it is. RGB gets the matrix and range that it is converted with; what its
/// numbers mean as light is the source's to say.
inline ColorDescription imported_color(Fourcc source_format, const ColorDescription& source,
                                       const ColorDescription& target) {
  if (is_yuv(source_format)) return source;
  return {target.matrix, target.range, source.primaries, source.transfer};
}

/// Of a stream whose first picture this is: for RGB of BT.2020 primaries the matrix that belongs to
/// them, which is the only one that HDR has (ITU-R BT.2100 table 6).
inline ColorDescription stream_color(Fourcc source_format, const ColorDescription& source,
                                     const ColorDescription& wanted) {
  ColorDescription color = imported_color(source_format, source, wanted);
  if (!is_yuv(source_format) && source.primaries == ColorPrimaries::kBt2020) {
    color.matrix = ColorMatrix::kBt2020Ncl;
  }
  return color;
}

}  // namespace lumen
