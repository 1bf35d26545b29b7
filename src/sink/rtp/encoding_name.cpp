#include "sink/rtp/encoding_name.h"

namespace lumen::rtp {

std::string_view encoding_name(Codec codec) {
  switch (codec) {
    case Codec::kHevc: return "H265";
    case Codec::kAv1: return "AV1";
    case Codec::kH264: break;
  }
  return "H264";
}

}  // namespace lumen::rtp
