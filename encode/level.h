// Levels as users write them ("4.1") and as bitstreams do.
#pragma once

#include <string_view>

#include "core/error.h"
#include "encode/encoded_frame.h"

namespace lumen {

/// level_idc: tenths in H.264 (table A-1; without its 1b), thirtieths in HEVC (A.4). AV1 has other
/// levels: kInvalidArgument, as for levels that do not exist.
Result<unsigned> level_idc(Codec codec, std::string_view level);

}  // namespace lumen
