#include "depacketizer.h"

#include <gtest/gtest.h>

namespace lumen::test {

RtpHeader parse_rtp_header(std::span<const std::uint8_t> packet) {
  RtpHeader header;
  if (packet.size() < 12) {
    ADD_FAILURE() << "a packet of " << packet.size() << " bytes";
    return header;
  }
  const auto at = [&packet](std::size_t i) { return std::uint32_t{packet[i]}; };
  header.version = at(0) >> 6;
  header.marker = (at(1) & 0x80) != 0;
  header.payload_type = at(1) & 0x7f;
  header.sequence = static_cast<std::uint16_t>(at(2) << 8 | at(3));
  header.timestamp = at(4) << 24 | at(5) << 16 | at(6) << 8 | at(7);
  header.ssrc = at(8) << 24 | at(9) << 16 | at(10) << 8 | at(11);
  EXPECT_EQ(header.version, 2U);
  EXPECT_EQ(packet[0] & 0x3f, 0) << "padding, extension or CSRC announced but not written";
  return header;
}

void Depacketizer::take(std::span<const std::uint8_t> packet) {
  headers_.push_back(parse_rtp_header(packet));
  ASSERT_GT(packet.size(), 12U) << "no payload";
  if (codec_ == Codec::kH264) {
    take_h264(packet.subspan(12));
  } else {
    take_hevc(packet.subspan(12));
  }
}

void Depacketizer::take_h264(std::span<const std::uint8_t> payload) {
  const unsigned type = payload[0] & 0x1f;
  if (type == 24) {
    structures_.push_back(24);
    take_aggregate(payload.subspan(1));
  } else if (type == 28) {
    structures_.push_back(28);
    ASSERT_GT(payload.size(), 2U);
    // NAL header: F and NRI of the indicator, type of the FU header.
    const auto header = static_cast<std::uint8_t>((payload[0] & 0xe0) | (payload[1] & 0x1f));
    EXPECT_EQ(payload[1] & 0x20, 0) << "reserved bit";
    take_fragment({header}, payload[1], payload.subspan(2));
  } else {
    structures_.push_back(0);
    EXPECT_FALSE(inside_fragment());
    EXPECT_TRUE(type >= 1 && type <= 23) << "mode 1 forbids type " << type;
    nals_.emplace_back(payload.begin(), payload.end());
  }
}

void Depacketizer::take_hevc(std::span<const std::uint8_t> payload) {
  ASSERT_GE(payload.size(), 2U);
  const unsigned type = payload[0] >> 1 & 0x3f;
  if (type == 48) {
    structures_.push_back(48);
    take_aggregate(payload.subspan(2));
  } else if (type == 49) {
    structures_.push_back(49);
    ASSERT_GT(payload.size(), 3U);
    const auto first = static_cast<std::uint8_t>((payload[0] & 0x81) | (payload[2] & 0x3f) << 1);
    take_fragment({first, payload[1]}, payload[2], payload.subspan(3));
  } else {
    structures_.push_back(0);
    EXPECT_FALSE(inside_fragment());
    nals_.emplace_back(payload.begin(), payload.end());
  }
}

void Depacketizer::take_aggregate(std::span<const std::uint8_t> units) {
  EXPECT_FALSE(inside_fragment());
  unsigned count = 0;
  while (units.size() >= 2) {
    const std::size_t size = std::size_t{units[0]} << 8 | units[1];
    ASSERT_LE(size, units.size() - 2) << "a unit reaches beyond its packet";
    nals_.emplace_back(units.begin() + 2, units.begin() + 2 + static_cast<std::ptrdiff_t>(size));
    units = units.subspan(2 + size);
    ++count;
  }
  EXPECT_TRUE(units.empty()) << "trailing bytes in an aggregate";
  EXPECT_GE(count, 2U) << "RFC 7798 4.4.2: at least two units";
}

void Depacketizer::take_fragment(Nal header, std::uint8_t fu, std::span<const std::uint8_t> bytes) {
  const bool start = (fu & 0x80) != 0;
  const bool end = (fu & 0x40) != 0;
  EXPECT_FALSE(start && end) << "a unit in one fragment";
  EXPECT_FALSE(bytes.empty()) << "an empty fragment";
  EXPECT_EQ(start, fragment_.empty()) << "fragments out of order";
  if (start) fragment_ = std::move(header);
  fragment_.insert(fragment_.end(), bytes.begin(), bytes.end());
  if (end) nals_.push_back(std::move(fragment_));
  if (end) fragment_.clear();
}

}  // namespace lumen::test
