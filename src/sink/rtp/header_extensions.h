// What lumen puts into RTP header extensions, in the one-byte form of RFC 8285 section 4.2. Every
// packet of a stream has the same ones, so that all have the same room for their payload. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lumen::rtp {

inline constexpr std::string_view kAbsCaptureTimeUri =
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
inline constexpr std::string_view kTransportSequenceUri =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// Identifiers, 1 to 14; 0: not sent.
struct HeaderExtensions {
  std::uint8_t abs_capture_time = 0;    // when the picture was captured, as NTP time
  std::uint8_t transport_sequence = 0;  // counts all packets to one receiver, those sent again, too

  friend bool operator==(const HeaderExtensions&, const HeaderExtensions&) = default;
};

/// What they take of each packet, their header and padding included.
std::size_t extension_bytes(const HeaderExtensions& extensions);

/// Appends them to a fixed header; the transport-wide number is left 0. Nothing where none is sent.
void put_extensions(const HeaderExtensions& extensions, std::uint64_t capture_ntp,
                    std::vector<std::uint8_t>& out);

/// Sets the number in a packet that put_extensions() has been at, with that extension.
void set_transport_sequence(std::span<std::uint8_t> packet, std::uint16_t sequence);

}  // namespace lumen::rtp
