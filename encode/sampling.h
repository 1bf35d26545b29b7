// Chroma sampling and bit depth of EncoderSettings, as every backend reads them.
#pragma once

#include <string>

#include "core/error.h"
#include "core/pixel_format.h"
#include "encode/video_encoder.h"

namespace lumen {

/// kInvalidArgument where nobody can do what the settings say: a depth that is none, a profile
/// without it.
Result<void> check_sampling(const EncoderSettings& settings);

/// kUnsupported where no generation of NVENC does it.
Result<void> check_nvenc_sampling(const EncoderSettings& settings);

/// The Y'CbCr that hardware encoders of these settings read: kNV12, kI444, kP010 or kQ410.
Fourcc sampled_input(const EncoderSettings& settings);

/// "4:4:4", "10 bits", "4:4:4 of 10 bits"; empty for 4:2:0 of 8 bits.
std::string sampling_text(const EncoderSettings& settings);

}  // namespace lumen
