// What a browser has to decode. Pure.
#pragma once

#include <string>

#include "encode/video_encoder.h"

namespace lumen::web {

/// What a receiver must be able to decode.
struct StreamKind {
  Codec codec = Codec::kH264;
  Chroma chroma = Chroma::k420;
  unsigned bit_depth = 8;

  friend bool operator==(const StreamKind&, const StreamKind&) = default;
};

/// "H264", "H264 4:4:4", "H265 with 10 bits"
std::string to_string(const StreamKind& stream);

}  // namespace lumen::web
