// NVENC through FFmpeg's h264_nvenc and hevc_nvenc (av1_nvenc from FFmpeg 6 on), which read frames
// in our CUDA context.
#pragma once

#include <memory>

#include "encode/video_encoder.h"

namespace lumen::ffmpeg {

Result<void> check_nvenc(Codec codec);
Result<std::unique_ptr<VideoEncoder>> create_nvenc(const EncoderSettings& settings,
                                                   const EncoderDevice& device,
                                                   EncodedFrameCallback callback);

}  // namespace lumen::ffmpeg
