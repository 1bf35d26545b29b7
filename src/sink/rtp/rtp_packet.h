// RTP packets made from packets: with other numbers, or to be sent again. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sink/rtp/nal.h"

namespace lumen::rtp {

inline constexpr std::size_t kRtpHeaderBytes = 12;   // RFC 3550 section 5.1, no CSRC, no extension
inline constexpr std::uint8_t kVersion2 = 0x80;      // of RTP and RTCP; in the first byte
inline constexpr std::uint8_t kHasExtension = 0x10;  // in the first byte
inline constexpr std::uint8_t kMarker = 0x80;        // in the second, before the payload type

/// Most that make_retransmission() adds to a packet.
inline constexpr std::size_t kRtxBytes = 2;

/// The packet must begin with an RTP header (12 bytes, no CSRC).
std::uint16_t sequence_of(Bytes packet);

/// Writes the packet's fixed header to `out`, replacing what is there, with another identity.
void put_fixed_header(Bytes packet, std::uint8_t payload_type, std::uint32_t ssrc,
                      std::uint16_t sequence, std::vector<std::uint8_t>& out);

/// Writes a packet that was sent before, to be sent again as RFC 4588 section 4 has it.
void make_retransmission(Bytes sent, std::uint8_t payload_type, std::uint32_t ssrc,
                         std::uint16_t sequence, std::vector<std::uint8_t>& out);

}  // namespace lumen::rtp
