// EncoderSettings in libx264's terms. Pure.
#pragma once

#include <cstdint>

#include <x264.h>

#include "core/error.h"
#include "encode/video_encoder.h"

namespace lumen::software {

/// What was decided for one x264 encoder.
struct X264Setup {
  x264_param_t param{};
  Fourcc format = Fourcc::kNV12;
  unsigned references = 1;      // pictures that it can go back to
  bool invalidation = false;    // can be told that some are lost
  bool intra_refresh = false;   // waves of intra blocks on request
  unsigned refresh_frames = 0;  // a wave takes so many
};

/// Errors: kUnsupported, kInvalidArgument (the level).
Result<X264Setup> x264_setup(const EncoderSettings& settings);

/// Bit rate and VBV for `settings`, in an encoder that was opened with the frame rate in `param`:
/// libx264 counts in bits a picture and keeps its frame rate. `factor` is of the bit rate alone.
void set_rate(x264_param_t& param, const EncoderSettings& settings, double factor);

}  // namespace lumen::software
