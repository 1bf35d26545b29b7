// How many bits a stream's samples have where that is left to the source, and what an HDR source
// loses in it. Pure.
#pragma once

#include <string>

#include "core/color.h"
#include "core/pixel_format.h"
#include "encode/video_encoder.h"

namespace lumen {

/// EncoderSettings::bit_depth for a source of this format: a wish for ten bits is dropped where the
/// source has eight, since they would cost and show nothing.
unsigned stream_depth(const EncoderSettings& asked, Fourcc source);

/// What viewers will see of an HDR source (PQ, HLG) in a stream whose samples have `bit_depth`
/// bits, and what helps. Empty: nothing is wrong.
std::string hdr_warning(const ColorDescription& color, unsigned bit_depth, Codec codec);

}  // namespace lumen
