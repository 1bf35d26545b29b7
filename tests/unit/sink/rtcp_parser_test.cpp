// Bytes as mediasoup, GStreamer and libwebrtc send them, and bytes that nobody should send.
#include "sink/rtp/rtcp_parser.h"

#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/rtp/rtcp.h"

namespace lumen::rtp {
namespace {

using std::chrono::microseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Datagram = std::vector<std::uint8_t>;

template <typename Item>
Item only(const Datagram& datagram) {
  const auto items = parse_rtcp(datagram);
  EXPECT_TRUE(items) << "malformed";
  if (!items || items->size() != 1 || !std::holds_alternative<Item>(items->front())) {
    ADD_FAILURE() << "not that one item";
    return {};
  }
  return std::get<Item>(items->front());
}

TEST(RtcpParser, TellsRtcpFromRtpOnOnePort) {
  EXPECT_TRUE(is_rtcp(Datagram{0x81, 200}));
  EXPECT_TRUE(is_rtcp(Datagram{0x81, 206}));
  EXPECT_FALSE(is_rtcp(Datagram{0x80, 96}));
  EXPECT_FALSE(is_rtcp(Datagram{0x80, 0x80 | 96}));  // with the marker
  EXPECT_FALSE(is_rtcp(Datagram{0x80}));
}

TEST(RtcpParser, ReadsAPictureLossOfItsOwn) {
  const auto loss = only<PictureLoss>({0x81, 0xce, 0, 2, 0, 0, 0, 1, 0xa1, 0xb2, 0xc3, 0xd4});
  EXPECT_EQ(loss.ssrc, 0xa1b2c3d4U);
}

TEST(RtcpParser, TakesTheStreamOfAFullIntraRequestFromItsEntry) {
  // mediasoup names the stream in the header, too; GStreamer writes 0 there.
  for (const std::uint8_t header : {std::uint8_t{0xd4}, std::uint8_t{0}}) {
    const auto request =
        only<FullIntraRequest>({0x84, 0xce, 0,    4,    0, 0, 0, 1, 0, 0, 0, header,  //
                                0xa1, 0xb2, 0xc3, 0xd4, 7, 0, 0, 0});
    EXPECT_EQ(request.ssrc, 0xa1b2c3d4U);
  }
}

// As libwebrtc sends it: RFC 3611, here behind a block of another kind.
TEST(RtcpParser, ReadsAReferenceTime) {
  const auto reference =
      only<ReferenceTime>({0x80, 207, 0, 6, 0,    0,    0,    1,  //
                           9,    0,   0, 1, 1,    2,    3,    4,  //
                           4,    0,   0, 2, 0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 7, 8});
  EXPECT_EQ(reference.reporter, 1U);
  EXPECT_EQ(reference.time, 0xc3d4e5f6U);
  for (const Datagram& bad : {Datagram{0x80, 207, 0, 0},                          // no SSRC
                              Datagram{0x80, 207, 0, 2, 0, 0, 0, 1, 4, 0, 0, 2},  // cut
                              Datagram{0x80, 207, 0, 3, 0, 0, 0, 1, 4, 0, 0, 1, 1, 2, 3, 4}}) {
    EXPECT_FALSE(parse_rtcp(bad));
  }
}

TEST(Rtcp, TellsAReceiverItsRoundTrip) {
  EXPECT_EQ(make_round_trip_reply(0xa1b2c3d4, 1, 0xc3d4e5f6, std::chrono::milliseconds{1500}),
            (Datagram{0x80, 207,  0,    5,    0xa1, 0xb2, 0xc3, 0xd4,  //
                      5,    0,    0,    3,    0,    0,    0,    1,     //
                      0xc3, 0xd4, 0xe5, 0xf6, 0,    1,    0x80, 0}));
}

TEST(RtcpParser, UnfoldsANackAcrossTheWrap) {
  const auto nack = only<Nack>({0x81, 0xcd, 0,    4,    0,    0,    0, 1, 0, 0, 0, 2,  //
                                0xff, 0xfe, 0x80, 0x05, 0x00, 0x64, 0, 0});
  EXPECT_EQ(nack.ssrc, 2U);
  EXPECT_THAT(nack.sequences, ElementsAre(0xfffe, 0xffff, 1, 0x000e, 100));
}

TEST(RtcpParser, ReadsACompoundOfReceiverReportDescriptionAndNack) {
  const Datagram datagram = {
      0x81, 201,  0,    7,    0,  0,    0,    9,                                    // RR from 9
      0,    0,    0,    2,    64, 0xff, 0xff, 0xfe, 0, 1, 0,   5,   0,   0, 0, 90,  // of stream 2
      0x12, 0x34, 0x56, 0x78, 0,  1,    0,    0,                                    // LSR, DLSR
      0x81, 202,  0,    3,    0,  0,    0,    9,    1, 3, 'a', '@', 'b', 0, 0, 0,   // SDES
      0x81, 205,  0,    3,    0,  0,    0,    9,    0, 0, 0,   2,   0,   7, 0, 0};  // NACK
  const auto items = parse_rtcp(datagram);
  ASSERT_TRUE(items);
  ASSERT_THAT(*items, SizeIs(3));
  const auto& report = std::get<ReceptionReport>((*items)[0]);
  EXPECT_EQ(report.reporter, 9U);
  ASSERT_THAT(report.blocks, SizeIs(1));
  const ReportBlock& block = report.blocks.front();
  EXPECT_EQ(block.ssrc, 2U);
  EXPECT_EQ(block.lost, 64);
  EXPECT_EQ(block.lost_in_all, -2);
  EXPECT_EQ(block.highest, 0x10005U);
  EXPECT_EQ(block.jitter, 90U);
  EXPECT_EQ(block.last_report, 0x12345678U);
  EXPECT_EQ(block.delay, 0x10000U);
  EXPECT_EQ(std::get<Description>((*items)[1]).cname, "a@b");
  EXPECT_THAT(std::get<Nack>((*items)[2]).sequences, ElementsAre(7));
}

TEST(RtcpParser, ReadsWhatOurSenderWrites) {
  const auto compound = make_compound({.ssrc = 77}, "somebody", Farewell::kBye);
  const auto items = parse_rtcp(compound);
  ASSERT_TRUE(items);
  ASSERT_THAT(*items, SizeIs(3));
  EXPECT_EQ(std::get<ReceptionReport>((*items)[0]).reporter, 77U);
  EXPECT_EQ(std::get<Description>((*items)[1]).cname, "somebody");
  EXPECT_THAT(std::get<Bye>((*items)[2]).leaving, ElementsAre(77U));
}

TEST(RtcpParser, ReadsAMaximumBitrate) {
  Datagram remb = {0x8f, 0xce, 0,   5,   0, 0, 0, 1, 0, 0, 0, 0,
                   'R',  'E',  'M', 'B', 1, 0, 0, 0, 0, 0, 0, 2};
  const auto set_rate = [&](unsigned exponent, unsigned mantissa) {
    const unsigned bits = exponent << 18 | mantissa;
    for (unsigned i = 0; i < 3; ++i) remb[17 + i] = static_cast<std::uint8_t>(bits >> (16 - 8 * i));
  };
  set_rate(5, 0x20000);
  EXPECT_EQ(only<MaximumBitrate>(remb).bits_per_second, 0x20000U << 5);
  EXPECT_THAT(only<MaximumBitrate>(remb).ssrcs, ElementsAre(2U));
  set_rate(63, 0x3ffff);  // more than 64 bits hold
  EXPECT_EQ(only<MaximumBitrate>(remb).bits_per_second, ~std::uint64_t{0});
  set_rate(63, 0);
  EXPECT_EQ(only<MaximumBitrate>(remb).bits_per_second, 0U);
  remb[12] = 'X';  // somebody else's application layer feedback
  EXPECT_THAT(parse_rtcp(remb), testing::Optional(IsEmpty()));
}

TEST(RtcpParser, ReadsTransportWideFeedback) {
  // Seven packets from 65534 on: three small steps in a run; then one lost, one back in time, one
  // lost and one small step in two-bit symbols.
  const auto feedback = only<TransportFeedback>(
      {0xaf, 0xcd, 0, 7,    0,    0,    0,    1, 0, 0, 0, 2,  // padded
       0xff, 0xfe, 0, 7,    0x01, 0x02, 0x03, 9,              // first, packets, reference, count
       0x20, 0x03,                                            // three small steps
       0xc8, 0x40,                                            // 00 10 00 01 00 00 00
       4,    0,    8, 0xff, 0xfc, 2,    0,    2});            // steps of 1, 0, 2, -1, 0.5 ms
  EXPECT_EQ(feedback.first, 65534);
  EXPECT_EQ(feedback.reference, 0x010203U);
  EXPECT_EQ(feedback.count, 9);
  ASSERT_THAT(feedback.arrivals, SizeIs(7));
  EXPECT_EQ(feedback.arrivals[0], microseconds{1000});
  EXPECT_EQ(feedback.arrivals[1], microseconds{1000});
  EXPECT_EQ(feedback.arrivals[2], microseconds{3000});
  EXPECT_EQ(feedback.arrivals[3], std::nullopt);
  EXPECT_EQ(feedback.arrivals[4], microseconds{2000});
  EXPECT_EQ(feedback.arrivals[5], std::nullopt);
  EXPECT_EQ(feedback.arrivals[6], microseconds{2500});
}

TEST(RtcpParser, ReadsOneBitSymbols) {
  const auto feedback =
      only<TransportFeedback>({0x8f,        0xcd, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2,  //
                               0,           0,    0, 3, 0, 0, 0, 0,              //
                               0x80 | 0x28, 0,    4, 4});
  EXPECT_THAT(feedback.arrivals, ElementsAre(microseconds{1000}, std::nullopt, microseconds{2000}));
}

struct Bad {
  const char* what;
  Datagram bytes;
};

class RtcpParserRefuses : public testing::TestWithParam<Bad> {};

TEST_P(RtcpParserRefuses, AMalformedDatagram) { EXPECT_FALSE(parse_rtcp(GetParam().bytes)); }

INSTANTIATE_TEST_SUITE_P(
    Rtcp, RtcpParserRefuses,
    testing::Values(Bad{"Empty", {}}, Bad{"HalfAHeader", {0x80, 201}},
                    Bad{"Version1", {0x40, 201, 0, 1, 0, 0, 0, 9}},
                    Bad{"LongerThanTheDatagram", {0x80, 201, 0, 2, 0, 0, 0, 9}},
                    Bad{"ABlockThatIsNotThere", {0x81, 201, 0, 1, 0, 0, 0, 9}},
                    Bad{"BytesBehind", {0x80, 201, 0, 1, 0, 0, 0, 9, 0}},
                    Bad{"PaddingBeforeTheEnd",
                        {0xa0, 201, 0, 2, 0, 0, 0, 9, 0, 0, 0, 4, 0x80, 201, 0, 1, 0, 0, 0, 9}},
                    Bad{"MorePaddingThanBytes", {0xa0, 201, 0, 1, 0, 0, 0, 8}},
                    Bad{"CnamePastTheEnd", {0x81, 202, 0, 2, 0, 0, 0, 9, 1, 200, 'a', 0}},
                    Bad{"ChunkWithoutAnEnd", {0x81, 202, 0, 2, 0, 0, 0, 9, 1, 2, 'a', 'b'}},
                    Bad{"ByeOfNobodyThere", {0x82, 203, 0, 1, 0, 0, 0, 9}},
                    Bad{"PictureLossWithoutAStream", {0x81, 206, 0, 1, 0, 0, 0, 9}},
                    Bad{"HalfAnIntraRequest",
                        {0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2}},
                    Bad{"RembOfSsrcsThatAreNotThere",
                        {0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 3, 0, 0, 1}},
                    Bad{"RunOfNothing", {0x8f, 205, 0, 5, 0, 0, 0, 1, 0,    0, 0, 2,
                                         0,    0,   0, 3, 0, 0, 0, 0, 0x20, 0, 0, 0}},
                    Bad{"ReservedSymbol", {0x8f, 205, 0, 5, 0, 0, 0, 1, 0,    0, 0, 2,
                                           0,    0,   0, 1, 0, 0, 0, 0, 0x60, 1, 0, 0}},
                    Bad{"StepsThatAreNotThere", {0x8f, 205, 0, 5, 0, 0, 0, 1, 0,    0, 0, 2,
                                                 0,    0,   0, 9, 0, 0, 0, 0, 0x20, 9, 4, 4}},
                    Bad{"ADatagramThatNobodySends", Datagram(kMaxRtcpBytes + 4, 0x80)}),
    [](const auto& test_case) { return test_case.param.what; });

// 65535 packets in a few bytes, again and again.
TEST(RtcpParser, KeepsNoMoreThanItsLimit) {
  Datagram feedback = {0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
  for (unsigned i = 0; i < 10; ++i) {
    feedback.push_back(0x1f);
    feedback.push_back(0xff);
  }
  EXPECT_FALSE(parse_rtcp(feedback));
  feedback[14] = 0x30;
  feedback[15] = 0x00;
  EXPECT_TRUE(parse_rtcp(feedback));
  Datagram twice = feedback;
  twice.insert(twice.end(), feedback.begin(), feedback.end());
  EXPECT_FALSE(parse_rtcp(twice));
}

TEST(RtcpParser, PassesOverWhatItDoesNotKnow) {
  EXPECT_THAT(parse_rtcp(Datagram{0x80, 204, 0, 2, 0, 0, 0, 9, 'n', 'a', 'm', 'e'}),
              testing::Optional(IsEmpty()));
  EXPECT_THAT(parse_rtcp(Datagram{0x80, 207, 0, 1, 0, 0, 0, 9}), testing::Optional(IsEmpty()));
}

}  // namespace
}  // namespace lumen::rtp
