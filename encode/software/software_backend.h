// The software encoders: libx264, libx265 and, through libavcodec, SVT-AV1. All are set for
// latency: no B-frames, no look-ahead, one picture in, one access unit out.
#pragma once

#include <memory>

#include "encode/video_encoder.h"

namespace lumen::software {

Result<void> check(Codec codec);
Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                             const EncoderDevice& device,
                                             EncodedFrameCallback callback);

}  // namespace lumen::software
