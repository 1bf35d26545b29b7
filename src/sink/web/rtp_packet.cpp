#include "sink/web/rtp_packet.h"

#include "sink/rtp/packetizer.h"

namespace lumen::web {
namespace {

using rtp::kRtpHeaderBytes;

constexpr std::uint8_t kHasExtension = 0x10;
constexpr std::uint8_t kMarker = 0x80;

std::uint8_t byte_of(std::uint32_t value, unsigned shift) {
  return static_cast<std::uint8_t>(value >> shift);
}

void put_header(std::span<const std::uint8_t> from, std::uint8_t payload_type, std::uint32_t ssrc,
                std::uint16_t sequence, std::vector<std::uint8_t>& out) {
  out.assign(from.begin(), from.begin() + kRtpHeaderBytes);
  out[1] = static_cast<std::uint8_t>((from[1] & kMarker) | (payload_type & 0x7fU));
  out[2] = byte_of(sequence, 8);
  out[3] = byte_of(sequence, 0);
  for (unsigned i = 0; i < 4; ++i) out[8 + i] = byte_of(ssrc, 24 - 8 * i);
}

/// RFC 3550 section 5.3.1: bytes that the extension takes, its own header included.
std::size_t extension_bytes(std::span<const std::uint8_t> packet) {
  if ((packet[0] & kHasExtension) == 0) return 0;
  const std::size_t words =
      std::size_t{packet[kRtpHeaderBytes + 2]} << 8 | packet[kRtpHeaderBytes + 3];
  return 4 + 4 * words;
}

// An element of a one-byte header extension (RFC 8285 section 4.2): its number, its length less
// one, and its data.
void put_element(unsigned id, unsigned bytes, std::uint32_t value, std::vector<std::uint8_t>& out) {
  if (id == 0) return;
  out.push_back(static_cast<std::uint8_t>(id << 4 | (bytes - 1)));
  for (unsigned i = bytes; i-- > 0;) out.push_back(byte_of(value, 8 * i));
}

// 0xBEDE, the number of words, elements, and zeros to fill the last word.
void put_extension(const PacketIdentity& identity, std::vector<std::uint8_t>& out) {
  if (identity.playout_delay_id == 0 && identity.transport_cc_id == 0) return;
  constexpr unsigned kDelayBytes = 3;  // twice 12 bits, the least and the greatest delay
  constexpr unsigned kSequenceBytes = 2;
  out[0] = static_cast<std::uint8_t>(out[0] | kHasExtension);
  const std::size_t begin = out.size();
  out.insert(out.end(), {0xbe, 0xde, 0, 0});
  put_element(identity.playout_delay_id, kDelayBytes,
              identity.playout_delay << 12 | identity.playout_delay, out);
  put_element(identity.transport_cc_id, kSequenceBytes, 0, out);
  while ((out.size() - begin) % 4 != 0) out.push_back(0);
  out[begin + 3] = static_cast<std::uint8_t>((out.size() - begin) / 4 - 1);
}

}  // namespace

std::uint16_t sequence_of(std::span<const std::uint8_t> packet) {
  return static_cast<std::uint16_t>(packet[2] << 8 | packet[3]);
}

void identify(std::span<const std::uint8_t> shared, const PacketIdentity& identity,
              std::uint16_t sequence, std::vector<std::uint8_t>& out) {
  put_header(shared, identity.payload_type, identity.ssrc, sequence, out);
  put_extension(identity, out);
  out.insert(out.end(), shared.begin() + kRtpHeaderBytes, shared.end());
}

void make_retransmission(std::span<const std::uint8_t> sent, std::uint8_t payload_type,
                         std::uint32_t ssrc, std::uint16_t sequence,
                         std::vector<std::uint8_t>& out) {
  put_header(sent, payload_type, ssrc, sequence, out);
  const std::size_t headers = kRtpHeaderBytes + extension_bytes(sent);
  out.insert(out.end(), sent.begin() + kRtpHeaderBytes,
             sent.begin() + static_cast<std::ptrdiff_t>(headers));
  out.push_back(sent[2]);
  out.push_back(sent[3]);
  out.insert(out.end(), sent.begin() + static_cast<std::ptrdiff_t>(headers), sent.end());
}

}  // namespace lumen::web
