// EncoderSettings in libx265's terms.
#pragma once

#include <cstdint>
#include <memory>

#include <x265.h>

#include "core/error.h"
#include "encode/video_encoder.h"

namespace lumen::software {

struct FreeX265Param {
  const x265_api* api = nullptr;
  void operator()(x265_param* param) const { api->param_free(param); }
};

struct CloseX265 {
  const x265_api* api = nullptr;
  void operator()(x265_encoder* encoder) const { api->encoder_close(encoder); }
};

/// What was decided for one x265 encoder.
struct X265Setup {
  const x265_api* api = nullptr;  // of the library's build for the bit depth
  std::unique_ptr<x265_param, FreeX265Param> param;
  Fourcc format = Fourcc::kI420;
};

/// Errors: kUnsupported, kInvalidArgument (the level).
Result<X265Setup> x265_setup(const EncoderSettings& settings);

}  // namespace lumen::software
