// The native NVENC backend for the registry.
#pragma once

#include <memory>

#include "encode/video_encoder.h"

namespace lumen::nvenc {

/// Cheap: are the libraries there, and does this build know the codec?
Result<void> check(Codec codec);
Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                             const EncoderDevice& device,
                                             EncodedFrameCallback callback);

}  // namespace lumen::nvenc
