#include "sink/rtp/header_extensions.h"

#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {
namespace {

constexpr std::size_t kExtensionHeaderBytes = 4;
constexpr std::size_t kElementHeaderBytes = 1;
constexpr std::size_t kCaptureTimeBytes = 8;  // the form without the clock's offset
constexpr std::size_t kTransportSequenceBytes = 2;

std::size_t element_bytes(const HeaderExtensions& extensions) {
  std::size_t bytes = 0;
  if (extensions.transport_sequence != 0) bytes += kElementHeaderBytes + kTransportSequenceBytes;
  if (extensions.abs_capture_time != 0) bytes += kElementHeaderBytes + kCaptureTimeBytes;
  return bytes;
}

void put(std::vector<std::uint8_t>& out, std::uint64_t value, std::size_t bytes) {
  while (bytes-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
}

/// An element's header says its length less one.
void put_element(std::vector<std::uint8_t>& out, unsigned id, std::uint64_t value,
                 std::size_t bytes) {
  put(out, id << 4 | (bytes - 1), kElementHeaderBytes);
  put(out, value, bytes);
}

}  // namespace

std::size_t extension_bytes(const HeaderExtensions& extensions) {
  const std::size_t elements = element_bytes(extensions);
  return elements == 0 ? 0 : kExtensionHeaderBytes + (elements + 3) / 4 * 4;
}

void put_extensions(const HeaderExtensions& extensions, std::uint64_t capture_ntp,
                    std::vector<std::uint8_t>& out) {
  const std::size_t elements = element_bytes(extensions);
  if (elements == 0) return;
  constexpr std::uint16_t kOneByteHeaders = 0xbede;
  const std::size_t words = (elements + 3) / 4;
  put(out, kOneByteHeaders, 2);
  put(out, words, 2);
  // First, where set_transport_sequence() looks for it.
  if (extensions.transport_sequence != 0) {
    put_element(out, extensions.transport_sequence, 0, kTransportSequenceBytes);
  }
  if (extensions.abs_capture_time != 0) {
    put_element(out, extensions.abs_capture_time, capture_ntp, kCaptureTimeBytes);
  }
  put(out, 0, words * 4 - elements);
}

void set_transport_sequence(std::span<std::uint8_t> packet, std::uint16_t sequence) {
  constexpr std::size_t kAt = kRtpHeaderBytes + kExtensionHeaderBytes + kElementHeaderBytes;
  packet[kAt] = static_cast<std::uint8_t>(sequence >> 8);
  packet[kAt + 1] = static_cast<std::uint8_t>(sequence);
}

}  // namespace lumen::rtp
