// Access units to RTP packets: H.264 by RFC 6184 (packetization-mode 1: single NAL unit, STAP-A for
// parameter sets, FU-A), HEVC by RFC 7798 (single, AP for parameter sets, FU; no DONL fields, that
// is sprop-max-don-diff=0) and AV1 by the AOMedia's "RTP Payload Format For AV1" 1.0 (OBUs without
// size field, each with a length in front of it, split where a packet is full).
//
// Pure: no clock, no socket. Memory is reused, so that a steady stream allocates nothing. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "encode/encoded_frame.h"
#include "sink/rtp/header_extensions.h"
#include "sink/rtp/nal.h"
#include "sink/rtp/rtp_packet.h"

namespace lumen::rtp {

struct PacketizerSettings {
  std::uint8_t payload_type = 96;
  std::uint32_t ssrc = 0;
  std::size_t max_packet_bytes = 1200;  // RTP header, extensions and payload; at least 64
  std::uint16_t first_sequence = 0;
  HeaderExtensions extensions;
};

class Packetizer {
 public:
  enum class End { kAccessUnit, kPart };

  explicit Packetizer(const PacketizerSettings& settings) : settings_(settings) {}

  /// For the extension abs-capture-time of the packets to come.
  void set_capture_time(std::uint64_t ntp) { capture_ntp_ = ntp; }

  /// The packets of one access unit, or of a part of it, in sending order; with the end of the
  /// access unit the last one carries the marker. Both inputs are Annex B; parameter sets go in
  /// front and may be empty. Of AV1 they only say that a coded video sequence begins: its key
  /// frames bring their sequence header. No packets if there is no NAL unit or OBU. The result is
  /// valid until the next call.
  std::span<const Bytes> packetize(Codec codec, Bytes parameter_sets, Bytes access_unit,
                                   std::uint32_t timestamp, End end = End::kAccessUnit);

  /// What packetize() has returned last.
  [[nodiscard]] std::span<const Bytes> packets() const { return packets_; }
  /// The extension transport_sequence, which must be on, of one of those.
  void number(std::size_t packet, std::uint16_t transport_sequence) {
    const Range range = ranges_[packet];
    set_transport_sequence(std::span(buffer_).subspan(range.offset, range.size),
                           transport_sequence);
  }

 private:
  struct Range {
    std::size_t offset;
    std::size_t size;
  };

  void add_parameter_sets(Codec codec, Bytes annex_b);
  void add_nal(Codec codec, Bytes nal);
  void add_fragments(Codec codec, Bytes nal);
  void add_obus(Bytes temporal_unit, bool new_sequence);
  void add_element(Bytes element);
  void begin_packet();
  void put(std::uint8_t byte) { buffer_.push_back(byte); }
  void put(Bytes bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }
  void end_packet();
  [[nodiscard]] std::size_t max_payload() const {
    return settings_.max_packet_bytes - kRtpHeaderBytes - extension_bytes(settings_.extensions);
  }

  PacketizerSettings settings_;
  std::uint16_t sent_packets_ = 0;  // modulo 65536: the sequence number's distance from its start
  std::uint32_t timestamp_ = 0;
  std::uint64_t capture_ntp_ = 0;
  std::vector<std::uint8_t> buffer_;  // all packets of the access unit, back to back
  std::vector<Range> ranges_;
  std::vector<Bytes> packets_;
  std::vector<Bytes> aggregate_;
  // AV1: the packet under way.
  std::vector<std::uint8_t> element_;
  std::size_t aggregation_header_ = 0;  // where it is in buffer_; 0: no packet under way
  bool new_sequence_ = false;
};

}  // namespace lumen::rtp
