// AV1 over RTP, read back as the AOMedia's payload format 1.0 says and not as the packetizer does.
#include <random>

#include <gtest/gtest.h>

#include "encode/obu.h"
#include "encoded_stream.h"
#include "sink/rtp/packetizer.h"

namespace lumen {
namespace {

using rtp::Bytes;
using rtp::Packetizer;
using Blob = std::vector<std::uint8_t>;

std::size_t read_leb128(Bytes& bytes) {
  std::size_t value = 0;
  for (unsigned shift = 0; !bytes.empty(); shift += 7) {
    const std::uint8_t byte = bytes.front();
    bytes = bytes.subspan(1);
    value |= std::size_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) break;
  }
  return value;
}

/// OBU elements of one temporal unit. Adds failures for what section 4 forbids.
std::vector<Blob> receive(std::span<const Bytes> packets, std::size_t mtu) {
  std::vector<Blob> elements;
  bool open = false;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    EXPECT_LE(packets[i].size(), mtu);
    EXPECT_EQ((packets[i][1] & 0x80U) != 0, i + 1 == packets.size()) << "marker";
    Bytes payload = packets[i].subspan(12);
    const std::uint8_t header = payload.front();
    payload = payload.subspan(1);
    EXPECT_EQ((header & 0x80U) != 0, open) << "Z as the Y before it";
    EXPECT_EQ(header & 0x30U, 0U) << "every element has a length";
    EXPECT_EQ(header & 0x07U, 0U) << "reserved";
    EXPECT_FALSE(payload.empty());
    bool first = true;
    while (!payload.empty()) {
      const std::size_t size = read_leb128(payload);
      EXPECT_GT(size, 0U);
      EXPECT_LE(size, payload.size());
      if (size == 0 || size > payload.size()) return elements;
      if (!(first && open)) elements.emplace_back();
      elements.back().insert(elements.back().end(), payload.begin(), payload.begin() + size);
      payload = payload.subspan(size);
      first = false;
    }
    open = (header & 0x40U) != 0;
  }
  EXPECT_FALSE(open) << "the temporal unit ends with an element";
  return elements;
}

/// With a size field, as decoders take it from a file.
Blob obu(unsigned type, std::size_t payload, bool extension = false) {
  Blob bytes = {static_cast<std::uint8_t>(type << 3 | (extension ? 4U : 0U) | 2U)};
  if (extension) bytes.push_back(0x28);
  for (std::size_t left = payload, more = 1; more != 0; left = more) {
    more = left >> 7U;
    bytes.push_back(static_cast<std::uint8_t>((left & 0x7fU) | (more != 0 ? 0x80U : 0U)));
  }
  for (std::size_t i = 0; i < payload; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 7 + 1));
  return bytes;
}

Blob without_size(const Blob& bytes, bool extension = false) {
  const Obu whole = *ObuReader(bytes).next();
  Blob element = {static_cast<std::uint8_t>(bytes[0] & ~2U)};
  if (extension) element.push_back(bytes[1]);
  element.insert(element.end(), whole.payload.begin(), whole.payload.end());
  return element;
}

TEST(Av1Packetizer, EverySizeArrivesUnchangedAndWithinTheMtu) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 1; size < 400; ++size) sizes.push_back(size);
  for (const std::size_t size : {1186U, 1187U, 1188U, 16383U, 16384U, 100'000U}) {
    sizes.push_back(size);
  }
  for (const std::size_t mtu : {64U, 140U, 1200U}) {
    Packetizer packetizer({.max_packet_bytes = mtu});
    for (const std::size_t size : sizes) {
      const Blob frame = obu(6, size);
      const auto packets = packetizer.packetize(Codec::kAv1, {}, frame, 7);
      ASSERT_EQ(receive(packets, mtu), std::vector<Blob>{without_size(frame)}) << size;
    }
  }
}

TEST(Av1Packetizer, ManyUnitsShareAPacketAndDelimitersAndPaddingStayAway) {
  Packetizer packetizer({});
  Blob unit;
  for (const Blob& part : {obu(2, 0), obu(1, 10), obu(15, 30), obu(6, 100, true), obu(8, 4)}) {
    unit.insert(unit.end(), part.begin(), part.end());
  }
  const auto packets = packetizer.packetize(Codec::kAv1, {}, unit, 7);
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(receive(packets, 1200),
            (std::vector<Blob>{without_size(obu(1, 10)), without_size(obu(6, 100, true), true)}));
}

TEST(Av1Packetizer, SaysWhereACodedVideoSequenceBegins) {
  Packetizer packetizer({.max_packet_bytes = 300});
  const Blob sequence = obu(1, 10);
  const Blob frame = obu(6, 1000);
  const auto key = packetizer.packetize(Codec::kAv1, sequence, frame, 7);
  ASSERT_GT(key.size(), 2U);
  EXPECT_EQ(key[0][12] & 0x08, 0x08);
  EXPECT_EQ(key[1][12] & 0x08, 0);
  EXPECT_EQ(packetizer.packetize(Codec::kAv1, {}, frame, 8)[0][12] & 0x08, 0);
}

TEST(Av1Packetizer, CarriesARealStream) {
  Packetizer packetizer({});
  std::size_t units = 0;
  for (const EncodedFrame& frame : test::encode_stream({.codec = Codec::kAv1, .frames = 20})) {
    std::vector<Blob> wanted;
    ObuReader reader(frame.data.view());
    while (const auto one = reader.next()) {
      wanted.push_back(without_size({one->bytes.begin(), one->bytes.end()}));
    }
    const auto packets =
        packetizer.packetize(Codec::kAv1, frame.key ? Bytes(frame.stream->parameter_sets) : Bytes(),
                             frame.data.view(), 1);
    ASSERT_EQ(receive(packets, 1200), wanted);
    ++units;
  }
  EXPECT_EQ(units, 20U);
}

TEST(Av1Packetizer, SurvivesAnyBytes) {
  std::mt19937 random(5);
  Packetizer packetizer({.max_packet_bytes = 32});
  for (int i = 0; i < 3000; ++i) {
    Blob bytes(random() % 200);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    receive(packetizer.packetize(Codec::kAv1, {}, bytes, 1), 32);
  }
}

}  // namespace
}  // namespace lumen
