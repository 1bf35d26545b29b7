// NVENC through FFmpeg's h264_nvenc and hevc_nvenc, here with input in system memory.
#pragma once

#include <memory>

#include "encode/video_encoder.h"

namespace lumen::ffmpeg {

Result<void> check_nvenc(Codec codec);
Result<std::unique_ptr<VideoEncoder>> create_nvenc(const EncoderSettings& settings,
                                                   const EncoderDevice& device,
                                                   EncodedFrameCallback callback);

}  // namespace lumen::ffmpeg
