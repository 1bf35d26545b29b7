#include "encode/encoded_frame.h"

namespace lumen {

std::string_view to_string(Codec codec) {
  switch (codec) {
    case Codec::kH264: return "h264";
    case Codec::kHevc: return "hevc";
    case Codec::kAv1: return "av1";
  }
  return "unknown";
}

}  // namespace lumen
