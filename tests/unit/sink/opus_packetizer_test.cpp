// Opus in RTP, byte by byte.
#include "sink/rtp/opus_packetizer.h"

#include <gtest/gtest.h>

namespace lumen::rtp {
namespace {

constexpr Timestamp kStart{std::chrono::hours{100}};

AudioPacket packet_at(Timestamp pts, const std::vector<std::uint8_t>& bytes) {
  return {
      .data = SharedBytes(nullptr, bytes), .pts = pts, .duration = std::chrono::milliseconds{10}};
}

std::uint32_t word(Bytes packet, std::size_t at) {
  return std::uint32_t{packet[at]} << 24 | std::uint32_t{packet[at + 1]} << 16 |
         std::uint32_t{packet[at + 2]} << 8 | packet[at + 3];
}

class OpusRtp : public testing::Test {
 protected:
  const std::vector<std::uint8_t> bytes{0xfc, 1, 2, 3};
  OpusPacketizer packetizer{{.payload_type = 111,
                             .ssrc = 0x01020304,
                             .first_sequence = 0xffff,
                             .first_timestamp = 0xffffff00}};
};

TEST_F(OpusRtp, APacketIsAHeaderAndTheOpusPacket) {
  const Bytes packet = packetizer.packetize(packet_at(kStart, bytes));
  const std::vector<std::uint8_t> expected{0x80, 0x80 | 111, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
                                           1,    2,          3,    4,    0xfc, 1,    2,    3};
  EXPECT_EQ(std::vector<std::uint8_t>(packet.begin(), packet.end()), expected);
}

TEST_F(OpusRtp, TimestampsCountSamplesAndJumpWithTheSound) {
  (void)packetizer.packetize(packet_at(kStart, bytes));
  Bytes packet = packetizer.packetize(packet_at(kStart + std::chrono::milliseconds{10}, bytes));
  EXPECT_EQ(packet[1], 111) << "no marker where nothing is missing";
  EXPECT_EQ(packet[2] << 8 | packet[3], 0) << "sequence numbers wrap";
  EXPECT_EQ(word(packet, 4), 0xffffff00U + 480U) << "modulo 2^32";
  packet = packetizer.packetize(packet_at(kStart + std::chrono::seconds{10}, bytes));
  EXPECT_EQ(packet[1], 0x80 | 111) << "sound begins anew";
  EXPECT_EQ(packet[2] << 8 | packet[3], 1) << "nothing was lost";
  EXPECT_EQ(word(packet, 4), 0xffffff00U + 480'000U);
}

TEST_F(OpusRtp, AnHourLaterTheClockIsStillExact) {
  (void)packetizer.packetize(packet_at(kStart, bytes));
  // Sample k lies at k/48000 s, which is no whole number of nanoseconds.
  for (const std::int64_t sample : {std::int64_t{1}, std::int64_t{172'800'001}}) {
    const Timestamp pts = kStart + Nanoseconds{sample * 62'500 / 3};
    const Bytes packet = packetizer.packetize(packet_at(pts, bytes));
    EXPECT_EQ(word(packet, 4), 0xffffff00U + static_cast<std::uint32_t>(sample));
  }
}

TEST_F(OpusRtp, TellsTheClockForReports) {
  EXPECT_FALSE(packetizer.timestamp_at(kStart));
  (void)packetizer.packetize(packet_at(kStart, bytes));
  EXPECT_EQ(packetizer.timestamp_at(kStart + std::chrono::seconds{1}), 0xffffff00U + 48'000U);
  EXPECT_EQ(packetizer.timestamp_at(kStart - std::chrono::seconds{1}), 0xffffff00U - 48'000U);
}

}  // namespace
}  // namespace lumen::rtp
