// RTP packets as one viewer gets them: made from the packetizer's, which all viewers share, by
// giving them the viewer's own numbers and the header extension that it understands. Pure; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lumen::web {

/// What the packets of a viewer say in their headers. Header extensions by their number; 0: none.
struct PacketIdentity {
  std::uint8_t payload_type = 0;
  std::uint32_t ssrc = 0;
  unsigned playout_delay_id = 0;
  unsigned playout_delay = 0;  // tens of milliseconds, at most 4095
  /// Likewise: so long may the receiver hold pictures back to have them together with the sound;
  /// what is less than playout_delay counts as that.
  unsigned longest_delay = 0;
  unsigned transport_cc_id = 0;
  unsigned capture_time_id = 0;
  std::uint64_t capture_time = 0;  // when the picture was captured, as NTP time
};

/// Most that identify() adds to a packet.
inline constexpr std::size_t kExtensionBytes = 20;

/// Writes `shared`, a packet without header extension, to `out` with another identity and sequence
/// number. One extension tells the receiver how long to hold each picture back: playout-delay,
/// http://www.webrtc.org/experiments/rtp-hdrext/playout-delay. Another has room for the
/// transport-wide sequence number, which whoever sends the packet writes there. A third tells when
/// the picture was captured: http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time, in the
/// form without the clock's offset, since lumen captures and sends by one clock.
void identify(std::span<const std::uint8_t> shared, const PacketIdentity& identity,
              std::uint16_t sequence, std::vector<std::uint8_t>& out);

}  // namespace lumen::web
