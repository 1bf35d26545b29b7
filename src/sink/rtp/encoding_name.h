// What session descriptions call the codecs. Any thread.
#pragma once

#include <string_view>

#include "encode/encoded_frame.h"

namespace lumen::rtp {

/// As a=rtpmap names it: "H264" (RFC 6184), "H265" (RFC 7798), "AV1" (its payload format 1.0).
std::string_view encoding_name(Codec codec);

}  // namespace lumen::rtp
