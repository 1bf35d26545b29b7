#include "sink/rtp/packetizer.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "depacketizer.h"

namespace lumen {
namespace {

using rtp::Bytes;
using rtp::Packetizer;
using rtp::PacketizerSettings;
using test::Depacketizer;
using test::Nal;

constexpr std::size_t kRtpHeader = 12;

/// A unit of this many bytes with a slice's header; never zero bytes, so that no start code or
/// trailing zero hides in it.
Nal slice(Codec codec, std::size_t size, unsigned seed = 1) {
  Nal nal(size);
  std::minstd_rand random(seed);
  for (auto& byte : nal) byte = static_cast<std::uint8_t>(1 + random() % 255);
  nal[0] = codec == Codec::kH264 ? 0x65 : 19 << 1;  // IDR slice; IDR_W_RADL
  if (codec == Codec::kHevc && size > 1) nal[1] = 1;
  return nal;
}

Nal annex_b(const std::vector<Nal>& nals) {
  Nal stream;
  for (std::size_t i = 0; i < nals.size(); ++i) {
    if (i % 2 == 0) stream.push_back(0);  // both kinds of start code
    stream.insert(stream.end(), {0, 0, 1});
    stream.insert(stream.end(), nals[i].begin(), nals[i].end());
  }
  return stream;
}

Depacketizer receive(Codec codec, std::span<const Bytes> packets) {
  Depacketizer receiver(codec);
  for (const Bytes packet : packets) receiver.take(packet);
  EXPECT_FALSE(receiver.inside_fragment());
  return receiver;
}

class PacketizerOf : public testing::TestWithParam<Codec> {
 protected:
  Codec codec() const { return GetParam(); }
  std::size_t nal_header() const { return codec() == Codec::kH264 ? 1 : 2; }
};

TEST_P(PacketizerOf, EverySizeArrivesUnchangedAndWithinTheMtu) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 3; size < 1300; ++size) sizes.push_back(size);
  for (const std::size_t size : {2399U, 2400U, 2401U, 9'999U, 65'535U, 65'536U, 100'000U}) {
    sizes.push_back(size);
  }
  if (codec() == Codec::kH264) sizes.push_back(1);
  sizes.push_back(2);
  for (const std::size_t mtu : {256U, 1200U}) {
    Packetizer packetizer({.max_packet_bytes = mtu});
    for (const std::size_t size : sizes) {
      const std::vector<Nal> sent = {slice(codec(), size), slice(codec(), 77)};
      const auto packets = packetizer.packetize(codec(), {}, annex_b(sent), 5);
      for (const Bytes packet : packets) ASSERT_LE(packet.size(), mtu);
      ASSERT_EQ(receive(codec(), packets).nals(), sent) << "size " << size << ", mtu " << mtu;
    }
  }
}

TEST_P(PacketizerOf, AUnitThatJustFitsIsNotFragmented) {
  Packetizer packetizer({.max_packet_bytes = 500});
  const Nal fits = slice(codec(), 500 - kRtpHeader);
  EXPECT_EQ(packetizer.packetize(codec(), {}, annex_b({fits}), 0).size(), 1U);
  const Nal over = slice(codec(), 500 - kRtpHeader + 1);
  const auto packets = packetizer.packetize(codec(), {}, annex_b({over}), 0);
  EXPECT_EQ(packets.size(), 2U);
  EXPECT_EQ(receive(codec(), packets).nals(), std::vector<Nal>{over});
}

TEST_P(PacketizerOf, FragmentsFillTheirPackets) {
  Packetizer packetizer({.max_packet_bytes = 500});
  // A fragment carries what the packet holds beside the RTP header, the payload header and the FU
  // header; the unit's own header is not repeated.
  const std::size_t chunk = 500 - kRtpHeader - nal_header() - 1;
  EXPECT_EQ(
      packetizer.packetize(codec(), {}, annex_b({slice(codec(), nal_header() + 3 * chunk)}), 0)
          .size(),
      3U);
  EXPECT_EQ(
      packetizer.packetize(codec(), {}, annex_b({slice(codec(), nal_header() + 3 * chunk + 1)}), 0)
          .size(),
      4U);
}

TEST_P(PacketizerOf, MarkerEndsTheAccessUnitAndOnlyThat) {
  Packetizer packetizer({});
  for (unsigned n = 0; n < 3; ++n) {
    const auto packets = packetizer.packetize(
        codec(), {}, annex_b({slice(codec(), 50), slice(codec(), 5000), slice(codec(), 60)}), n);
    const auto receiver = receive(codec(), packets);
    ASSERT_GT(receiver.headers().size(), 5U);
    for (std::size_t i = 0; i < receiver.headers().size(); ++i) {
      EXPECT_EQ(receiver.headers()[i].marker, i + 1 == receiver.headers().size());
      EXPECT_EQ(receiver.headers()[i].timestamp, n) << "one time for all packets of a picture";
    }
  }
}

TEST_P(PacketizerOf, SequenceGrowsByOneAcrossFramesAndWraps) {
  Packetizer packetizer(
      {.payload_type = 111, .ssrc = 0xdeadbeef, .max_packet_bytes = 256, .first_sequence = 65'500});
  std::uint16_t expected = 65'500;
  for (unsigned n = 0; n < 40; ++n) {
    const auto packets = packetizer.packetize(codec(), {}, annex_b({slice(codec(), 3000)}), n);
    const auto receiver = receive(codec(), packets);
    for (const auto& header : receiver.headers()) {
      ASSERT_EQ(header.sequence, expected++);
      ASSERT_EQ(header.ssrc, 0xdeadbeefU);
      ASSERT_EQ(header.payload_type, 111U);
    }
  }
}

TEST_P(PacketizerOf, ParameterSetsThatDoNotFitTogetherGoAlone) {
  Packetizer packetizer({.max_packet_bytes = 256});
  std::vector<Nal> sets;
  for (const std::uint8_t type : {std::uint8_t{32}, std::uint8_t{33}, std::uint8_t{34}}) {
    Nal set = slice(codec(), type == 33 ? 300 : 100);
    set[0] = codec() == Codec::kH264 ? static_cast<std::uint8_t>(0x60 | (type == 34 ? 8 : 7))
                                     : static_cast<std::uint8_t>(type << 1);
    sets.push_back(set);
  }
  const Nal picture = slice(codec(), 40);
  const auto receiver =
      receive(codec(), packetizer.packetize(codec(), annex_b(sets), annex_b({picture}), 0));
  sets.push_back(picture);
  EXPECT_EQ(receiver.nals(), sets);
}

TEST_P(PacketizerOf, GarbageMakesNoPacketsThatAReceiverCouldMisread) {
  Packetizer packetizer({});
  EXPECT_TRUE(packetizer.packetize(codec(), {}, {}, 0).empty());
  const Nal no_start_code = {1, 2, 3, 4};
  EXPECT_TRUE(packetizer.packetize(codec(), {}, no_start_code, 0).empty());
  // Units that claim to be the payload format's own structures.
  const Nal as_aggregate = codec() == Codec::kH264 ? Nal{24, 9, 9} : Nal{48 << 1, 1, 9};
  const Nal as_fragment = codec() == Codec::kH264 ? Nal{28, 9, 9} : Nal{49 << 1, 1, 9};
  EXPECT_TRUE(packetizer.packetize(codec(), {}, annex_b({as_aggregate, as_fragment}), 0).empty());
  std::minstd_rand random(7);
  for (unsigned round = 0; round < 2000; ++round) {
    Nal noise(random() % 600);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random() % 4);
    receive(codec(), packetizer.packetize(codec(), noise, noise, round));
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, PacketizerOf, testing::Values(Codec::kH264, Codec::kHevc),
                         [](const auto& each) {
                           return each.param == Codec::kH264 ? "H264" : "Hevc";
                         });

TEST(PacketizerH264, ParameterSetsShareAnStapA) {
  const Nal sps = {0x67, 0x42, 0xe0, 0x1f, 0x11};
  const Nal pps = {0x28, 0xce, 0x3c};  // NRI 1
  const Nal idr = slice(Codec::kH264, 100);
  Packetizer packetizer({});
  const auto packets = packetizer.packetize(Codec::kH264, annex_b({sps, pps}), annex_b({idr}), 0);
  ASSERT_EQ(packets.size(), 2U);
  const Nal expected = {0x60 | 24, 0, 5, 0x67, 0x42, 0xe0, 0x1f, 0x11, 0, 3, 0x28, 0xce, 0x3c};
  EXPECT_EQ(Nal(packets[0].begin() + kRtpHeader, packets[0].end()), expected);
  EXPECT_EQ(receive(Codec::kH264, packets).nals(), (std::vector<Nal>{sps, pps, idr}));
}

TEST(PacketizerH264, FragmentHeadersAreRfc6184s) {
  Nal nal = slice(Codec::kH264, 600);
  nal[0] = 0x41;  // NRI 2, type 1
  Packetizer packetizer({.max_packet_bytes = 256});
  const auto packets = packetizer.packetize(Codec::kH264, {}, annex_b({nal}), 0);
  ASSERT_EQ(packets.size(), 3U);
  for (const Bytes packet : packets) EXPECT_EQ(packet[kRtpHeader], 0x40 | 28);
  EXPECT_EQ(packets[0][kRtpHeader + 1], 0x80 | 1);
  EXPECT_EQ(packets[1][kRtpHeader + 1], 1);
  EXPECT_EQ(packets[2][kRtpHeader + 1], 0x40 | 1);
}

TEST(PacketizerHevc, ParameterSetsShareAnAp) {
  const Nal vps = {0x40, 0x01, 0xaa};
  const Nal sps = {0x42, 0x02, 0xbb, 0xcc};  // temporal id 2 (plus one)
  const Nal pps = {0x44, 0x01, 0xdd};
  const Nal idr = slice(Codec::kHevc, 100);
  Packetizer packetizer({});
  const auto packets =
      packetizer.packetize(Codec::kHevc, annex_b({vps, sps, pps}), annex_b({idr}), 0);
  ASSERT_EQ(packets.size(), 2U);
  const Nal expected = {48 << 1, 0x01, 0,    3,    0x40, 0x01, 0xaa, 0,    4,
                        0x42,    0x02, 0xbb, 0xcc, 0,    3,    0x44, 0x01, 0xdd};
  EXPECT_EQ(Nal(packets[0].begin() + kRtpHeader, packets[0].end()), expected);
}

TEST(PacketizerHevc, ApTakesTheLowestLayerAndTemporalId) {
  const Nal sps = {0x42 | 1, 7 << 3 | 2, 0xbb};  // layer id 32 + 7, temporal id 1 (plus one)
  const Nal pps = {0x44 | 1, 5 << 3 | 4, 0xcc};  // layer id 32 + 5, temporal id 3 (plus one)
  Packetizer packetizer({});
  const auto packets =
      packetizer.packetize(Codec::kHevc, annex_b({sps, pps}), annex_b({slice(Codec::kHevc, 9)}), 0);
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0][kRtpHeader], 48 << 1 | 1);
  EXPECT_EQ(packets[0][kRtpHeader + 1], 5 << 3 | 2);
}

TEST(PacketizerHevc, FragmentHeadersAreRfc7798s) {
  Nal nal = slice(Codec::kHevc, 600);
  nal[0] = 1 << 1 | 1;  // TRAIL_R, layer id 32 + …
  nal[1] = 5 << 3 | 3;  // … 5, temporal id 2 (plus one)
  Packetizer packetizer({.max_packet_bytes = 256});
  const auto packets = packetizer.packetize(Codec::kHevc, {}, annex_b({nal}), 0);
  ASSERT_EQ(packets.size(), 3U);
  for (const Bytes packet : packets) {
    EXPECT_EQ(packet[kRtpHeader], 49 << 1 | 1);
    EXPECT_EQ(packet[kRtpHeader + 1], 5 << 3 | 3);
  }
  EXPECT_EQ(packets[0][kRtpHeader + 2], 0x80 | 1);
  EXPECT_EQ(packets[1][kRtpHeader + 2], 1);
  EXPECT_EQ(packets[2][kRtpHeader + 2], 0x40 | 1);
}

}  // namespace
}  // namespace lumen
