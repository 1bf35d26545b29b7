// Sound beside the picture, as a receiver on the loopback gets it.
#include "sink/rtp/audio_rtp_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/udp_receiver.h"

namespace lumen::rtp {
namespace {

using testing::HasSubstr;

std::uint32_t word(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  return std::uint32_t{bytes.at(at)} << 24 | std::uint32_t{bytes.at(at + 1)} << 16 |
         std::uint32_t{bytes.at(at + 2)} << 8 | bytes.at(at + 3);
}

class AudioRtp : public testing::Test {
 protected:
  void SetUp() override {
    const auto host = resolve_udp("127.0.0.1", 1);
    ASSERT_TRUE(host);
    auto made = AudioRtpStream::create(*host, {.port = receiver.rtp.port(), .payload_type = 101},
                                       "someone");
    ASSERT_TRUE(made) << made.error().describe();
    stream = *std::move(made);
  }
  void send(Timestamp pts) {
    stream->send({.data = SharedBytes(nullptr, bytes),
                  .pts = pts,
                  .duration = std::chrono::milliseconds{10}});
  }

  const std::vector<std::uint8_t> bytes{0xfc, 1, 2, 3};
  test::ReceiverPair receiver = test::ReceiverPair::make();
  std::unique_ptr<AudioRtpStream> stream;
};

TEST_F(AudioRtp, SendsEachOpusPacketAtOnce) {
  const Timestamp start = now();
  send(start);
  send(start + std::chrono::milliseconds{10});
  const auto packets = receiver.rtp.drain();
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0][1] & 0x7f, 101);
  EXPECT_EQ(word(packets[1], 4) - word(packets[0], 4), 480U);
  EXPECT_EQ(std::vector<std::uint8_t>(packets[1].begin() + 12, packets[1].end()), bytes);
  EXPECT_EQ(stream->packets(), 2U);
  EXPECT_EQ(stream->bytes(), 32U);
}

// What lets a receiver put sound and picture together: the wall clock of a sample, and one CNAME.
TEST_F(AudioRtp, ReportsWhenASampleWasHeard) {
  const Timestamp start = now();
  const auto wall = std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now());
  send(start);
  const auto packets = receiver.rtp.drain();
  const auto reports = receiver.rtcp.drain();
  ASSERT_EQ(packets.size(), 1U);
  ASSERT_EQ(reports.size(), 1U) << "the first packet brings one";
  EXPECT_EQ(reports[0][1], 200) << "a sender report";
  EXPECT_EQ(word(reports[0], 4), word(packets[0], 8)) << "the SSRC";
  const std::uint64_t ntp = std::uint64_t{word(reports[0], 8)} << 32 | word(reports[0], 12);
  // From the first packet's time on, the wall clock and the samples have gone equally far.
  const double wall_seconds = static_cast<double>(ntp - ntp_time(wall)) / 4294967296.0;
  const double samples = word(reports[0], 16) - word(packets[0], 4);
  EXPECT_NEAR(wall_seconds, samples / 48'000, 0.001);
  const std::string text(reports[0].begin(), reports[0].end());
  EXPECT_THAT(text, HasSubstr("someone"));
  stream.reset();
  const auto last = receiver.rtcp.drain();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_EQ(last[0][last[0].size() - 7], 203) << "BYE";
}

TEST_F(AudioRtp, SharesAPortWithItsReportsAndHasTheNumberThatWasAskedFor) {
  const auto host = resolve_udp("127.0.0.1", 1);
  ASSERT_TRUE(host);
  auto made = AudioRtpStream::create(
      *host, {.port = receiver.rtp.port(), .ssrc = 0x01020304, .rtcp_mux = true}, "someone");
  ASSERT_TRUE(made) << made.error().describe();
  stream = *std::move(made);
  send(now());
  const auto packets = receiver.rtp.drain();
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(word(packets[0], 8), 0x01020304U);
  EXPECT_EQ(packets[1][1], 200) << "a sender report";
  EXPECT_TRUE(receiver.rtcp.drain().empty());
  EXPECT_THAT(stream->sdp(), HasSubstr("a=rtcp-mux\r\n"));
}

TEST_F(AudioRtp, NobodyThereIsNoTrouble) {
  receiver = test::ReceiverPair::make();
  for (int n = 0; n < 10; ++n) send(now());
}

TEST_F(AudioRtp, DescribesItself) {
  const std::string sdp = stream->sdp();
  EXPECT_THAT(sdp,
              HasSubstr("m=audio " + std::to_string(receiver.rtp.port()) + " RTP/AVP 101\r\n"));
  EXPECT_THAT(sdp, HasSubstr("a=rtpmap:101 opus/48000/2\r\n"));
  EXPECT_THAT(sdp, HasSubstr("a=rtcp:" + std::to_string(receiver.rtcp.port()) + "\r\n"));
}

}  // namespace
}  // namespace lumen::rtp
