// lumen's pixel formats in NVENC's words.
#pragma once

#include <ffnvcodec/nvEncodeAPI.h>

#include "core/error.h"
#include "core/pixel_format.h"

namespace lumen::nvenc {

/// kInvalidArgument: NVENC has no such format.
Result<NV_ENC_BUFFER_FORMAT> buffer_format(Fourcc format);

}  // namespace lumen::nvenc
