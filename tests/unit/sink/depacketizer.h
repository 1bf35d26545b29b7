// The receiving side of RFC 6184 and RFC 7798, written from the documents and not from the
// packetizer, so that the two can disagree.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "encode/encoded_frame.h"

namespace lumen::test {

using Nal = std::vector<std::uint8_t>;

struct RtpHeader {
  unsigned version = 0;
  bool marker = false;
  unsigned payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};

/// Adds a GoogleTest failure for anything that the documents forbid.
class Depacketizer {
 public:
  explicit Depacketizer(Codec codec) : codec_(codec) {}

  void take(std::span<const std::uint8_t> packet);

  [[nodiscard]] const std::vector<Nal>& nals() const { return nals_; }
  [[nodiscard]] const std::vector<RtpHeader>& headers() const { return headers_; }
  [[nodiscard]] bool inside_fragment() const { return !fragment_.empty(); }
  /// Payload structures seen: 24/28 for H.264, 48/49 for HEVC, 0 for single units.
  [[nodiscard]] const std::vector<unsigned>& structures() const { return structures_; }

 private:
  void take_h264(std::span<const std::uint8_t> payload);
  void take_hevc(std::span<const std::uint8_t> payload);
  void take_aggregate(std::span<const std::uint8_t> units);
  void take_fragment(Nal header, std::uint8_t fu, std::span<const std::uint8_t> bytes);

  Codec codec_;
  std::vector<Nal> nals_;
  std::vector<RtpHeader> headers_;
  std::vector<unsigned> structures_;
  Nal fragment_;
};

RtpHeader parse_rtp_header(std::span<const std::uint8_t> packet);

}  // namespace lumen::test
