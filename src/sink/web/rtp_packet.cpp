#include "sink/web/rtp_packet.h"

#include <algorithm>

#include "sink/rtp/packetizer.h"
#include "sink/rtp/rtp_packet.h"

namespace lumen::web {
namespace {

// An element of a one-byte header extension (RFC 8285 section 4.2): its number, its length less
// one, and its data.
void put_element(unsigned id, unsigned bytes, std::uint64_t value, std::vector<std::uint8_t>& out) {
  if (id == 0) return;
  out.push_back(static_cast<std::uint8_t>(id << 4 | (bytes - 1)));
  for (unsigned i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// 0xBEDE, the number of words, elements, and zeros to fill the last word.
void put_extension(const PacketIdentity& identity, std::vector<std::uint8_t>& out) {
  if (identity.playout_delay_id == 0 && identity.transport_cc_id == 0 &&
      identity.capture_time_id == 0) {
    return;
  }
  constexpr unsigned kDelayBytes = 3;  // twice 12 bits, the least and the greatest delay
  constexpr unsigned kSequenceBytes = 2;
  constexpr unsigned kCaptureTimeBytes = 8;
  out[0] = static_cast<std::uint8_t>(out[0] | rtp::kHasExtension);
  const std::size_t begin = out.size();
  out.insert(out.end(), {0xbe, 0xde, 0, 0});
  put_element(
      identity.playout_delay_id, kDelayBytes,
      identity.playout_delay << 12 | std::max(identity.playout_delay, identity.longest_delay), out);
  put_element(identity.transport_cc_id, kSequenceBytes, 0, out);
  put_element(identity.capture_time_id, kCaptureTimeBytes, identity.capture_time, out);
  while ((out.size() - begin) % 4 != 0) out.push_back(0);
  out[begin + 3] = static_cast<std::uint8_t>((out.size() - begin) / 4 - 1);
}

}  // namespace

void identify(std::span<const std::uint8_t> shared, const PacketIdentity& identity,
              std::uint16_t sequence, std::vector<std::uint8_t>& out) {
  rtp::put_fixed_header(shared, identity.payload_type, identity.ssrc, sequence, out);
  put_extension(identity, out);
  out.insert(out.end(), shared.begin() + rtp::kRtpHeaderBytes, shared.end());
}

}  // namespace lumen::web
