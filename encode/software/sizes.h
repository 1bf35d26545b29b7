// Sizes that software encoders take.
#pragma once

#include "core/error.h"
#include "encode/video_encoder.h"

namespace lumen::software {

/// Of a stream. kInvalidArgument where it is empty, odd or beyond what lumen takes at all.
Result<void> check_size(Extent size);

/// For reconfigure(), from what the encoder was opened with. kUnsupported.
Result<void> check_new_size(const EncoderSettings& opened, Extent wanted);

}  // namespace lumen::software
