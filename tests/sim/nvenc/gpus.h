// What each generation of NVIDIA's encoder can do, as data. Constant.
//
// Facts from NVIDIA's public "Video Encode and Decode GPU Support Matrix" and the NVENC programming
// guide: codecs, 10 bits, 4:4:4, lossless, HEVC B-frames, largest picture, number of encoders. What
// these don't say by generation (minimum size, lookahead, LTR frames, emphasis, blocks per second)
// is a usual value and no statement about a chip. The session limit is the driver's for consumer
// cards and was raised over the years (3, 5, 8, 12); professional cards have none.
#pragma once

#include <string_view>

#include "stream_config.h"

namespace lumen::sim::nvenc {

struct CodecAbilities {
  bool present = false;
  int width_max = 4096;
  int height_max = 4096;
  bool ten_bit = false;
  bool yuv444 = false;
  bool lossless = false;
  int b_frames = 0;
  bool lookahead = true;
  bool temporal_aq = false;
  int ltr_frames = 0;
  bool invalidation = false;
  bool emphasis = false;
};

struct Gpu {
  std::string_view name;
  int encoders = 1;
  int sessions = 8;
  CodecAbilities h264;
  CodecAbilities hevc;
  CodecAbilities av1;
  [[nodiscard]] const CodecAbilities& abilities(CodecKind codec) const;
};

/// Null: unknown name.
const Gpu* find_gpu(std::string_view name);
inline constexpr std::string_view kDefaultGpu = "ampere";

/// False: a capability that the header does not list.
bool capability(const Gpu& gpu, CodecKind codec, NV_ENC_CAPS which, int& value);

}  // namespace lumen::sim::nvenc
