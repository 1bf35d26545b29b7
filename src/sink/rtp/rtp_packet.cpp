#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {
namespace {

/// RFC 3550 section 5.3.1: bytes that the extension takes, its own header included.
std::size_t extension_bytes(Bytes packet) {
  if ((packet[0] & kHasExtension) == 0) return 0;
  const std::size_t words =
      std::size_t{packet[kRtpHeaderBytes + 2]} << 8 | packet[kRtpHeaderBytes + 3];
  return 4 + 4 * words;
}

}  // namespace

std::uint16_t sequence_of(Bytes packet) {
  return static_cast<std::uint16_t>(packet[2] << 8 | packet[3]);
}

void put_fixed_header(Bytes packet, std::uint8_t payload_type, std::uint32_t ssrc,
                      std::uint16_t sequence, std::vector<std::uint8_t>& out) {
  out.assign(packet.begin(), packet.begin() + kRtpHeaderBytes);
  out[1] = static_cast<std::uint8_t>((packet[1] & kMarker) | (payload_type & 0x7fU));
  out[2] = static_cast<std::uint8_t>(sequence >> 8);
  out[3] = static_cast<std::uint8_t>(sequence);
  for (unsigned i = 0; i < 4; ++i) out[8 + i] = static_cast<std::uint8_t>(ssrc >> (24 - 8 * i));
}

void make_retransmission(Bytes sent, std::uint8_t payload_type, std::uint32_t ssrc,
                         std::uint16_t sequence, std::vector<std::uint8_t>& out) {
  put_fixed_header(sent, payload_type, ssrc, sequence, out);
  const std::size_t headers = kRtpHeaderBytes + extension_bytes(sent);
  const Bytes extension = sent.subspan(kRtpHeaderBytes, headers - kRtpHeaderBytes);
  const Bytes payload = sent.subspan(headers);
  out.insert(out.end(), extension.begin(), extension.end());
  out.push_back(sent[2]);
  out.push_back(sent[3]);
  out.insert(out.end(), payload.begin(), payload.end());
}

}  // namespace lumen::rtp
