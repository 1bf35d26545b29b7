// Base64 with padding, RFC 4648 section 4: parameter sets in SDP, random names in RTCP.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace lumen::rtp {

std::string base64(std::span<const std::uint8_t> bytes);

}  // namespace lumen::rtp
