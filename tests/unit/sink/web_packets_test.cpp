// What one viewer gets: its own numbers, the playout-delay extension, packets sent again.
#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "depacketizer.h"
#include "sink/rtp/retransmission.h"
#include "sink/rtp/rtp_packet.h"
#include "sink/web/fingerprint.h"
#include "sink/web/rtp_packet.h"

namespace lumen::web {
namespace {

using Packet = std::vector<std::uint8_t>;
using std::chrono::milliseconds;

// Marker, payload type 96, sequence number 1, timestamp 0x01020304, SSRC 0.
Packet shared_packet() { return {0x80, 0xe0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 'p', 'a', 'y'}; }

TEST(WebPacket, HasItsViewersNumbers) {
  Packet out;
  identify(shared_packet(), {.payload_type = 108, .ssrc = 0xa1b2c3d4}, 0xfffe, out);
  const auto header = test::parse_rtp_header(out);
  EXPECT_TRUE(header.marker);
  EXPECT_EQ(header.payload_type, 108U);
  EXPECT_EQ(header.sequence, 0xfffe);
  EXPECT_EQ(header.timestamp, 0x01020304U);
  EXPECT_EQ(header.ssrc, 0xa1b2c3d4U);
  EXPECT_EQ(out.size(), shared_packet().size());
}

TEST(WebPacket, AsksToBeShownAtOnce) {
  Packet out;
  identify(shared_packet(), {.payload_type = 108, .ssrc = 1, .playout_delay_id = 5}, 7, out);
  EXPECT_EQ(out[0], 0x90);  // version 2, extension
  EXPECT_EQ(Packet(out.begin() + 12, out.end()),
            (Packet{0xbe, 0xde, 0, 1, 0x52, 0, 0, 0, 'p', 'a', 'y'}));
  EXPECT_LE(out.size(), shared_packet().size() + kExtensionBytes);
}

TEST(WebPacket, AsksForAPause) {
  Packet out;
  identify(shared_packet(),
           {.payload_type = 108, .ssrc = 1, .playout_delay_id = 5, .playout_delay = 0x12}, 7, out);
  EXPECT_EQ(Packet(out.begin() + 17, out.begin() + 20), (Packet{0x01, 0x20, 0x12}));
}

TEST(WebPacket, HasRoomForTheTransportWideNumber) {
  Packet out;
  identify(shared_packet(), {.payload_type = 108, .ssrc = 1, .transport_cc_id = 3}, 7, out);
  EXPECT_EQ(Packet(out.begin() + 12, out.end()),
            (Packet{0xbe, 0xde, 0, 1, 0x31, 0, 0, 0, 'p', 'a', 'y'}));
  identify(shared_packet(),
           {.payload_type = 108, .ssrc = 1, .playout_delay_id = 5, .transport_cc_id = 3}, 7, out);
  EXPECT_EQ(Packet(out.begin() + 12, out.end()),
            (Packet{0xbe, 0xde, 0, 2, 0x52, 0, 0, 0, 0x31, 0, 0, 0, 'p', 'a', 'y'}));
}

TEST(WebPacket, TellsWhenItsPictureWasCaptured) {
  Packet out;
  identify(
      shared_packet(),
      {.payload_type = 108, .ssrc = 1, .capture_time_id = 4, .capture_time = 0x0102030405060708}, 7,
      out);
  EXPECT_EQ(Packet(out.begin() + 12, out.end()),
            (Packet{0xbe, 0xde, 0, 3, 0x47, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 'p', 'a', 'y'}));
  identify(shared_packet(),
           {.payload_type = 108,
            .ssrc = 1,
            .playout_delay_id = 5,
            .transport_cc_id = 3,
            .capture_time_id = 4},
           7, out);
  EXPECT_EQ(out.size(), shared_packet().size() + kExtensionBytes) << "room is left for all of them";
}

TEST(WebPacket, SentAgainCarriesItsOldNumberInFrontOfThePayload) {
  for (const unsigned id : {0U, 5U}) {
    Packet sent;
    identify(shared_packet(), {.payload_type = 108, .ssrc = 1, .playout_delay_id = id}, 0x1234,
             sent);
    Packet again;
    rtp::make_retransmission(sent, 109, 2, 99, again);
    EXPECT_EQ(again[0], sent[0]);
    Packet plain = again;
    plain[0] = 0x80;  // the parser knows no extension
    const auto header = test::parse_rtp_header(plain);
    EXPECT_EQ(header.payload_type, 109U);
    EXPECT_EQ(header.ssrc, 2U);
    EXPECT_EQ(header.sequence, 99);
    EXPECT_TRUE(header.marker);
    EXPECT_EQ(header.timestamp, 0x01020304U);
    const Packet tail = {0x12, 0x34, 'p', 'a', 'y'};
    EXPECT_TRUE(std::equal(tail.rbegin(), tail.rend(), again.rbegin()));
    EXPECT_EQ(again.size(), sent.size() + rtp::kRtxBytes);
  }
}

class History : public testing::Test {
 protected:
  static Packet numbered(std::uint16_t sequence, std::size_t size = 1000) {
    Packet packet(size, 1);
    packet[2] = static_cast<std::uint8_t>(sequence >> 8);
    packet[3] = static_cast<std::uint8_t>(sequence);
    return packet;
  }
  const Timestamp start_ = now();
};

TEST_F(History, FindsWhatWasSentAcrossTheWrap) {
  rtp::RetransmissionHistory history({.packets = 64});
  for (unsigned i = 0; i < 100; ++i) history.sent(numbered(static_cast<std::uint16_t>(65500 + i)));
  const auto found = history.take(10, start_);
  EXPECT_EQ(Packet(found.begin(), found.end()), numbered(10));
  EXPECT_FALSE(history.take(63, start_).empty());
  EXPECT_TRUE(history.take(65500, start_).empty());  // too old
  EXPECT_TRUE(history.take(100, start_).empty());    // not sent yet
}

TEST_F(History, DoesNotRepeatWhatIsUnderWay) {
  rtp::RetransmissionHistory history({.packets = 64, .patience = milliseconds{15}});
  history.sent(numbered(1));
  EXPECT_FALSE(history.take(1, start_).empty());
  EXPECT_TRUE(history.take(1, start_ + milliseconds{14}).empty());
  EXPECT_FALSE(history.take(1, start_ + milliseconds{15}).empty());
}

TEST_F(History, SpendsNoMoreThanItsShare) {
  rtp::RetransmissionHistory history({.packets = 1024, .share = 0.25, .burst_bytes = 4000});
  for (std::uint16_t i = 0; i < 100; ++i) history.sent(numbered(i));
  unsigned again = 0;
  for (std::uint16_t i = 0; i < 100; ++i) again += history.take(i, start_).empty() ? 0U : 1U;
  EXPECT_EQ(again, 4U);  // the burst, and not a quarter of all on top
  for (std::uint16_t i = 100; i < 108; ++i) history.sent(numbered(i));
  for (std::uint16_t i = 50; i < 108; ++i) again += history.take(i, start_).empty() ? 0U : 1U;
  EXPECT_EQ(again, 6U);
}

TEST(Fingerprint, IsTheCertificatesHash) {
  // The digest of the three bytes 00 00 00.
  const std::string pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_EQ(fingerprint_of(pem),
            "sha-256 70:9E:80:C8:84:87:A2:41:1E:1E:E4:DF:B9:F2:2A:86:14:92:D2:0C:47:65:15:0C:0C:79:"
            "4A:BD:70:F8:14:7C");
  EXPECT_EQ(fingerprint_of("AAAA"), "");
  EXPECT_EQ(fingerprint_of(""), "");
  EXPECT_TRUE(same_fingerprint("sha-256 AB", "SHA-256 ab"));
  EXPECT_FALSE(same_fingerprint("sha-256 AB", "sha-256 AC"));
  EXPECT_FALSE(same_fingerprint("sha-256 AB", "sha-256 AB:CD"));
}

}  // namespace
}  // namespace lumen::web
