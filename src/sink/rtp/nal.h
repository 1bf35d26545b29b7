// NAL unit types as the RTP payload formats see them; iteration is encode/nal.h's. Takes any bytes.
// Nothing here owns memory; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "encode/encoded_frame.h"

namespace lumen::rtp {

using Bytes = std::span<const std::uint8_t>;

/// nal_unit_type, H.264 table 7-1 and RFC 6184 table 1.
enum class H264Type : std::uint8_t { kIdr = 5, kSps = 7, kPps = 8, kStapA = 24, kFuA = 28 };
/// nal_unit_type, H.265 table 7-1 and RFC 7798 section 4.4.
enum class HevcType : std::uint8_t { kVps = 32, kSps = 33, kPps = 34, kAp = 48, kFu = 49 };

inline constexpr std::size_t kH264HeaderBytes = 1;
inline constexpr std::size_t kHevcHeaderBytes = 2;

/// The unit must not be empty.
inline H264Type h264_type(Bytes nal) { return static_cast<H264Type>(nal[0] & 0x1f); }
inline HevcType hevc_type(Bytes nal) { return static_cast<HevcType>((nal[0] >> 1) & 0x3f); }

/// False for units that RTP has no room for: types that the payload formats use themselves, type 0
/// of H.264, and units shorter than their header.
bool is_sendable(Codec codec, Bytes nal);

struct ParameterSets {
  std::vector<Bytes> vps;  // HEVC only
  std::vector<Bytes> sps;
  std::vector<Bytes> pps;
};

/// The parameter sets in a byte stream; the spans point into it.
ParameterSets find_parameter_sets(Codec codec, Bytes annex_b);

}  // namespace lumen::rtp
