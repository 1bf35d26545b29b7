// RtpSink over real sockets on loopback.
#include "sink/rtp/rtp_sink.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../support/udp_receiver.h"
#include "depacketizer.h"
#include "encode/nal.h"
#include "encoded_stream.h"

namespace lumen {
namespace {

using test::Receiver;
using test::ReceiverPair;
using testing::HasSubstr;

std::vector<test::Nal> nals_of(Codec codec, const std::vector<EncodedFrame>& frames) {
  std::vector<test::Nal> nals;
  const auto add = [&nals](std::span<const std::uint8_t> bytes) {
    NalReader reader(bytes);
    while (const auto nal = reader.next()) nals.emplace_back(nal->begin(), nal->end());
  };
  (void)codec;
  for (const auto& frame : frames) {
    if (frame.key) add(frame.stream->parameter_sets);
    add(frame.data.view());
  }
  return nals;
}

class RtpSinkOf : public testing::TestWithParam<Codec> {};

TEST_P(RtpSinkOf, EveryNalUnitArrivesOverLoopback) {
  const auto frames = test::encode_stream({.codec = GetParam(), .frames = 30, .key_interval = 15});
  auto receivers = ReceiverPair::make();
  auto sink = RtpSink::create({.host = "127.0.0.1", .port = receivers.rtp.port(), .ssrc = 42});
  ASSERT_TRUE(sink) << sink.error().describe();
  ASSERT_TRUE((*sink)->open(*frames.front().stream));

  test::Depacketizer depacketizer(GetParam());
  std::vector<std::uint32_t> times;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  for (const auto& frame : frames) {
    FrameTimes at = frame.times;
    const auto sent = (*sink)->write(frame, at);
    ASSERT_TRUE(sent) << sent.error().describe();
    EXPECT_TRUE(at.has(Stage::kSendBegin) && at.has(Stage::kSent));
    EXPECT_LE(at[Stage::kSendBegin], at[Stage::kSent]);
    for (const auto& packet : receivers.rtp.drain()) {
      depacketizer.take(packet);
      ++packets;
      bytes += packet.size();
    }
    times.push_back(depacketizer.headers().back().timestamp);
  }
  EXPECT_EQ(depacketizer.nals(), nals_of(GetParam(), frames));
  for (std::size_t n = 1; n < times.size(); ++n) EXPECT_EQ(times[n] - times[n - 1], 1500U);
  EXPECT_EQ((*sink)->stats().frames, frames.size());
  EXPECT_EQ((*sink)->stats().packets, packets);
  EXPECT_EQ((*sink)->stats().bytes, bytes);

  // The first report comes with the first frame, a BYE ends the session.
  ASSERT_TRUE((*sink)->close());
  const auto reports = receivers.rtcp.drain();
  ASSERT_GE(reports.size(), 2U);
  EXPECT_EQ(reports.front()[1], 200);
  EXPECT_EQ(reports.front()[7], 42) << "SSRC";
  const auto& last = reports.back();
  ASSERT_GE(last.size(), 8U);
  EXPECT_EQ(last[last.size() - 7], 203);
  const std::uint32_t counted = std::uint32_t{last[20]} << 24 | std::uint32_t{last[21]} << 16 |
                                std::uint32_t{last[22]} << 8 | last[23];
  EXPECT_EQ(counted, packets) << "the report's packet count";
}

constexpr std::array<std::uint8_t, 4> kStartCode{0, 0, 0, 1};

/// Each NAL unit of an access unit as a part of its own.
std::vector<EncodedFrame> in_parts(const EncodedFrame& frame) {
  std::vector<EncodedFrame> parts;
  NalReader reader(frame.data.view());
  while (const auto nal = reader.next()) {
    auto bytes = std::make_shared<std::vector<std::uint8_t>>(kStartCode.size() + nal->size());
    std::ranges::copy(kStartCode, bytes->begin());
    std::ranges::copy(*nal, bytes->begin() + kStartCode.size());
    EncodedFrame part = frame;
    part.part = static_cast<unsigned>(parts.size());
    part.last = false;
    const std::span<const std::uint8_t> view(*bytes);
    part.data = SharedBytes(std::move(bytes), view);
    parts.push_back(std::move(part));
  }
  parts.back().last = true;
  return parts;
}

TEST_P(RtpSinkOf, PartsLeaveAtOnceAndOnlyTheLastOneEndsTheAccessUnit) {
  const auto frames = test::encode_stream({.codec = GetParam(), .frames = 6, .key_interval = 3});
  auto receivers = ReceiverPair::make();
  auto sink = RtpSink::create({.host = "127.0.0.1", .port = receivers.rtp.port()});
  ASSERT_TRUE(sink) << sink.error().describe();
  ASSERT_TRUE((*sink)->takes_parts());
  ASSERT_TRUE((*sink)->open(*frames.front().stream));

  test::Depacketizer depacketizer(GetParam());
  std::size_t most_parts = 0;
  std::size_t seen = 0;
  std::vector<std::uint32_t> times;
  for (const auto& frame : frames) {
    auto parts = in_parts(frame);
    // Two more, so that there are parts even where the encoder makes one unit only: the document
    // does not mind what a slice is.
    while (parts.size() < 3) {
      parts.insert(parts.begin(), parts.front());
      parts.front().last = false;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i].part = static_cast<unsigned>(i);
    most_parts = std::max(most_parts, parts.size());
    for (const auto& part : parts) {
      FrameTimes at = part.times;
      ASSERT_TRUE((*sink)->write(part, at));
      const auto packets = receivers.rtp.drain();
      ASSERT_FALSE(packets.empty()) << "part " << part.part << " has not left";
      for (const auto& packet : packets) depacketizer.take(packet);
      for (std::size_t n = seen; n < depacketizer.headers().size(); ++n) {
        const bool end = part.last && n + 1 == depacketizer.headers().size();
        EXPECT_EQ(depacketizer.headers()[n].marker, end) << "part " << part.part;
      }
      if (part.part == 0) times.push_back(depacketizer.headers()[seen].timestamp);
      EXPECT_EQ(depacketizer.headers()[seen].timestamp, times.back());
      seen = depacketizer.headers().size();
    }
  }
  EXPECT_GE(most_parts, 3U);
  for (std::size_t n = 1; n < times.size(); ++n) EXPECT_EQ(times[n] - times[n - 1], 1500U);
  EXPECT_EQ((*sink)->stats().frames, frames.size());
  const auto& nals = depacketizer.nals();
  EXPECT_EQ(std::ranges::count_if(nals, [](const auto& nal) { return is_sps(GetParam(), nal); }), 2)
      << "parameter sets stand in front of the first part of a key frame and nowhere else";
}

TEST(RtpSink, PartsShareTheTimeOfTheirFrame) {
  const auto frames = test::encode_stream({.frames = 1});
  auto receivers = ReceiverPair::make();
  auto sink = RtpSink::create({.host = "127.0.0.1", .port = receivers.rtp.port()});
  ASSERT_TRUE(sink);
  ASSERT_TRUE((*sink)->open(*frames.front().stream));
  // 16 parts of 30 kB: each of them alone would be spread over the whole budget of 4.17 ms.
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(30'000, std::uint8_t{0x41});
  std::ranges::copy(kStartCode, bytes->begin());
  EncodedFrame part = frames.front();
  part.data = SharedBytes(bytes, *bytes);
  const Timestamp begin = now();
  for (unsigned i = 0; i < 16; ++i) {
    part.part = i;
    part.last = i == 15;
    FrameTimes at = part.times;
    ASSERT_TRUE((*sink)->write(part, at));
  }
  EXPECT_LT(now() - begin, 8 * rtp::pacing_budget({60, 1}));
  EXPECT_GE(now() - begin, std::chrono::milliseconds{1}) << "the first one is still paced";
}

INSTANTIATE_TEST_SUITE_P(Codecs, RtpSinkOf, testing::Values(Codec::kH264, Codec::kHevc),
                         [](const auto& each) {
                           return each.param == Codec::kH264 ? "H264" : "Hevc";
                         });

TEST(RtpSink, AReceiverThatStartsLateMissesNothingFromThenOn) {
  const auto frames = test::encode_stream({.frames = 40, .key_interval = 20});
  std::uint16_t port = 0;
  {
    port = ReceiverPair::make().rtp.port();
  }
  auto sink = RtpSink::create({.host = "127.0.0.1", .port = port});
  ASSERT_TRUE(sink) << sink.error().describe();
  ASSERT_TRUE((*sink)->open(*frames.front().stream));
  for (std::size_t n = 0; n < 20; ++n) {
    FrameTimes at;
    ASSERT_TRUE((*sink)->write(frames[n], at)) << "nobody listening must not end the sink";
  }
  auto receiver = Receiver::bind(port);
  if (!receiver) GTEST_SKIP() << "another program took the port";
  test::Depacketizer depacketizer(Codec::kH264);
  for (std::size_t n = 20; n < frames.size(); ++n) {
    FrameTimes at;
    ASSERT_TRUE((*sink)->write(frames[n], at));
    for (const auto& packet : receiver->drain()) depacketizer.take(packet);
  }
  EXPECT_EQ(depacketizer.nals(), nals_of(Codec::kH264, {frames.begin() + 20, frames.end()}));
}

TEST(RtpSink, SdpIsThereAfterOpenAndFollowsANewEncoder) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "a.sdp";
  auto receivers = ReceiverPair::make();
  auto sink =
      RtpSink::create({.host = "127.0.0.1", .port = receivers.rtp.port(), .sdp_path = path});
  ASSERT_TRUE(sink) << sink.error().describe();
  EXPECT_FALSE(std::ifstream(path).good()) << "no description before there is a stream";
  const auto first = test::encode_stream({.frames = 1});
  const auto second = test::encode_stream({.size = {640, 360}, .frames = 1});
  const auto read = [&path] {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  ASSERT_TRUE((*sink)->open(*first.front().stream));
  const std::string before = read();
  EXPECT_THAT(before, HasSubstr("m=video " + std::to_string(receivers.rtp.port())));
  FrameTimes at;
  ASSERT_TRUE((*sink)->write(first.front(), at));
  EXPECT_EQ(read(), before) << "the first frame changes nothing";
  ASSERT_TRUE((*sink)->write(second.front(), at));
  const std::string after = read();
  EXPECT_NE(after, before);
  const auto sets_of = [](const std::string& text) {
    const auto at_sets = text.find("sprop-parameter-sets=");
    return text.substr(at_sets, text.find("\r\n", at_sets) - at_sets);
  };
  EXPECT_NE(sets_of(after), sets_of(before));
}

TEST(RtpSink, Ipv6) {
  auto sink = RtpSink::create({.host = "::1", .port = 5004});
  if (!sink && sink.error().code == EADDRNOTAVAIL) GTEST_SKIP() << "no IPv6 loopback here";
  ASSERT_TRUE(sink) << sink.error().describe();
  EXPECT_EQ((*sink)->describe(), "rtp [::1]:5004");
}

TEST(RtpSink, BadSettingsAreRefusedWithAReason) {
  const auto kind = [](RtpSettings settings) {
    const auto sink = RtpSink::create(std::move(settings));
    if (sink) return std::string("accepted");
    EXPECT_FALSE(sink.error().message.empty());
    EXPECT_FALSE(sink.error().hint.empty()) << sink.error().message;
    return std::string(to_string(sink.error().kind));
  };
  EXPECT_EQ(kind({.host = "", .port = 5004}), "invalid argument");
  EXPECT_EQ(kind({.host = "127.0.0.1", .port = 0}), "invalid argument");
  EXPECT_EQ(kind({.host = "127.0.0.1", .port = 65535}), "invalid argument");
  EXPECT_EQ(kind({.host = "999.1.1.1", .port = 5004}), "invalid argument");
  EXPECT_EQ(kind({.host = "127.0.0.1", .port = 5004, .payload_type = 200}), "invalid argument");
  EXPECT_EQ(kind({.host = "127.0.0.1", .port = 5004, .mtu = 100}), "invalid argument");
  const auto with = [&](RtpSettings settings) {
    settings.host = "127.0.0.1";
    settings.port = 5004;
    return kind(std::move(settings));
  };
  EXPECT_EQ(with({.rtcp_mux = true, .rtcp_port = 5005}), "invalid argument");
  EXPECT_EQ(with({.rtcp_port = 5004}), "invalid argument");
  EXPECT_EQ(with({.rtcp_mux = true, .payload_type = 72}), "invalid argument");
  EXPECT_EQ(with({.extensions = {.abs_capture_time = 15}}), "invalid argument");
  EXPECT_EQ(with({.extensions = {.abs_capture_time = 3, .transport_sequence = 3}}),
            "invalid argument");
  EXPECT_EQ(with({.rtx_payload_type = 96}), "invalid argument");
  EXPECT_EQ(with({.rtx_ssrc = 5}), "invalid argument");
  EXPECT_EQ(with({.ssrc = 5, .rtx_payload_type = 97, .rtx_ssrc = 5}), "invalid argument");
  EXPECT_EQ(kind({.host = "127.0.0.1", .port = 5004, .sdp_path = "/no/such/dir/a.sdp"}),
            "I/O error");
}

}  // namespace
}  // namespace lumen
