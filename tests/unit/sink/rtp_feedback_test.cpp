// What receivers report, and what RtpSink does about it, over real sockets on loopback.
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../support/udp_receiver.h"
#include "encoded_stream.h"
#include "sink/rtp/rtcp.h"
#include "sink/rtp/rtcp_feedback.h"
#include "sink/rtp/rtp_packet.h"
#include "sink/rtp/rtp_sink.h"
#include "sink/rtp/sent_packets.h"
#include "sink/rtp/transport_history.h"

namespace lumen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Receiver;
using test::ReceiverPair;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Datagram = std::vector<std::uint8_t>;

constexpr std::uint32_t kSsrc = 0xa1b2c3d4;
constexpr std::uint32_t kReporter = 0x01020304;

void put32(Datagram& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

Datagram feedback(std::uint8_t type, std::uint8_t format, std::uint32_t ssrc,
                  const std::vector<std::uint32_t>& fci = {}) {
  Datagram out = {static_cast<std::uint8_t>(0x80 | format), type, 0,
                  static_cast<std::uint8_t>(2 + fci.size())};
  put32(out, kReporter);
  put32(out, ssrc);
  for (const std::uint32_t word : fci) put32(out, word);
  return out;
}
Datagram pli(std::uint32_t ssrc = kSsrc) { return feedback(206, 1, ssrc); }
Datagram fir(std::uint32_t ssrc = kSsrc) { return feedback(206, 4, 0, {ssrc, 0x07000000}); }
Datagram nack(std::uint16_t sequence) {
  return feedback(205, 1, kSsrc, {std::uint32_t{sequence} << 16});
}
Datagram bye() { return {0x81, 203, 0, 1, 1, 2, 3, 4}; }

rtp::Feedback collected(const Datagram& datagram, std::uint64_t ntp = 0) {
  const auto items = rtp::parse_rtcp(datagram);
  EXPECT_TRUE(items);
  return items ? rtp::collect_feedback(*items, kSsrc, ntp) : rtp::Feedback{};
}

TEST(RtcpFeedback, CountsWhatIsAboutTheStream) {
  EXPECT_TRUE(collected(pli()).key_frame);
  EXPECT_FALSE(collected(pli(1)).key_frame);
  EXPECT_TRUE(collected(fir()).key_frame);
  EXPECT_FALSE(collected(fir(1)).key_frame);
  EXPECT_THAT(collected(nack(9)).lost, ElementsAre(9));
  EXPECT_THAT(collected(feedback(205, 1, 1, {9U << 16})).lost, IsEmpty());
  EXPECT_TRUE(collected(bye()).bye);
  EXPECT_EQ(collected(feedback(206, 15, 0, {0x52454d42, 1U << 24 | 1U << 18 | 500'000 / 4, kSsrc}))
                .most_bps,
            250'000U);
  EXPECT_EQ(collected(feedback(206, 15, 0, {0x52454d42, 1U << 24 | 500, 1})).most_bps,
            std::nullopt);
}

TEST(RtcpFeedback, TakesTheWorstOfSeveralReports) {
  Datagram report = {0x82, 201, 0, 13, 0, 0, 0, 9};
  for (const std::uint32_t lost : {64U << 24, 32U << 24}) {
    for (const std::uint32_t word : {kSsrc, lost, 0U, 0U, 0U, 0U}) put32(report, word);
  }
  EXPECT_EQ(collected(report).loss, 0.25);
  report[11] = 0xd5;  // of another stream
  EXPECT_EQ(collected(report).loss, 0.125);
}

TEST(RtcpFeedback, TheRoundTripLacksTheReceiversOwnTime) {
  // Sent at 10 s, answered half a second after it came, heard at 10.75 s.
  const std::uint64_t now = std::uint64_t{10} << 32 | 0xc0000000;
  const rtp::ReportBlock block{.last_report = 10U << 16, .delay = 0x8000};
  EXPECT_EQ(rtp::round_trip(block, now), milliseconds{250});
  EXPECT_EQ(rtp::round_trip({.last_report = 0, .delay = 0x8000}, now), std::nullopt);
  // Later than now, and an hour ago.
  EXPECT_EQ(rtp::round_trip({.last_report = 11U << 16}, now), std::nullopt);
  EXPECT_EQ(rtp::round_trip({.last_report = 10U << 16}, now + (std::uint64_t{3600} << 32)),
            std::nullopt);
  // The middle 32 bits wrap every 18 hours.
  EXPECT_EQ(rtp::round_trip({.last_report = 0xffff8000}, std::uint64_t{1} << 48),
            milliseconds{500});
}

TEST(SentPackets, SayWhichPictureCannotBeRepaired) {
  const auto packet = [](std::uint16_t sequence) {
    Datagram bytes(100, 1);
    bytes[2] = static_cast<std::uint8_t>(sequence >> 8);
    bytes[3] = static_cast<std::uint8_t>(sequence);
    return bytes;
  };
  rtp::SentPackets sent({.packets = 64}, seconds{1});
  const Timestamp start{seconds{1000}};
  for (std::uint16_t i = 0; i < 100; ++i) sent.sent(packet(i), start + milliseconds{i / 10});
  const auto asked = [&](std::uint16_t sequence, Timestamp at) {
    return sent.asked_for(sequence, at);
  };
  EXPECT_THAT(asked(99, start).packet, SizeIs(100));
  EXPECT_EQ(asked(99, start).beyond_repair, std::nullopt);
  EXPECT_TRUE(asked(99, start).packet.empty()) << "it is under way";
  EXPECT_EQ(asked(25, start).beyond_repair, start + milliseconds{2}) << "not kept any more";
  EXPECT_EQ(asked(98, start + seconds{2}).beyond_repair, start + milliseconds{9}) << "too late";
  EXPECT_TRUE(asked(98, start + seconds{2}).packet.empty());
  EXPECT_EQ(asked(100, start).beyond_repair, std::nullopt) << "never sent";
}

TEST(TransportHistory, TellsEachPacketsFateOnceAndInOrder) {
  rtp::TransportHistory history;
  const Timestamp start{seconds{1000}};
  for (std::uint16_t i = 0; i < 10; ++i) {
    history.sent(static_cast<std::uint16_t>(65530 + i), start + milliseconds{i}, 100U + i);
  }
  const auto told = [&](std::uint16_t first, std::uint32_t reference,
                        std::vector<std::optional<Nanoseconds>> arrivals) {
    return history.reports(
        {.first = first, .reference = reference, .arrivals = std::move(arrivals)});
  };
  // The clock of the receiver wraps between two feedbacks.
  const auto first = told(65533, 0xffffff, {milliseconds{1}, std::nullopt, milliseconds{5}});
  ASSERT_THAT(first, SizeIs(3));
  EXPECT_EQ(first[0].sent, start + milliseconds{3});
  EXPECT_EQ(first[0].bytes, 103U);
  EXPECT_EQ(first[1].arrived, std::nullopt);
  EXPECT_EQ(*first[2].arrived - *first[0].arrived, milliseconds{4});
  const auto second = told(65534, 1, {milliseconds{0}, milliseconds{0}, milliseconds{7}});
  ASSERT_THAT(second, SizeIs(1)) << "the rest is known";
  EXPECT_EQ(second[0].sent, start + milliseconds{6});
  EXPECT_EQ(*second[0].arrived - *first[0].arrived, milliseconds{2 * 64 + 6});
  EXPECT_THAT(told(65530, 1, {milliseconds{0}}), IsEmpty()) << "overtaken";
  EXPECT_THAT(told(300, 1, {milliseconds{0}}), IsEmpty()) << "never sent";
}

/// A sink, its receiver, and what the sink asks the stream for.
class Receiving : public testing::TestWithParam<bool> {
 protected:
  void start(RtpSettings settings) {
    settings.host = "127.0.0.1";
    settings.port = receivers_.rtp.port();
    settings.ssrc = kSsrc;
    settings.rtcp_mux = GetParam();
    auto sink = RtpSink::create(settings);
    ASSERT_TRUE(sink) << sink.error().describe();
    sink_ = std::move(*sink);
    sink_->connect({.key_frame =
                        [this] {
                          const std::scoped_lock lock(mutex_);
                          ++key_frames_;
                          changed_.notify_all();
                        },
                    .loss =
                        [this](Timestamp first, Timestamp last) {
                          const std::scoped_lock lock(mutex_);
                          losses_.emplace_back(first, last);
                          changed_.notify_all();
                        },
                    .bandwidth =
                        [this](std::uint64_t bits_per_second) {
                          const std::scoped_lock lock(mutex_);
                          bandwidths_.push_back(bits_per_second);
                          changed_.notify_all();
                        }});
    ASSERT_TRUE(sink_->open(*frames_.front().stream));
  }

  /// Frames of now, so that their packets are worth repeating.
  void write_frames(Nanoseconds age = {}) {
    for (EncodedFrame frame : frames_) {
      frame.pts = now() - age;
      FrameTimes at;
      ASSERT_TRUE(sink_->write(frame, at));
    }
    for (auto& packet : receivers_.rtp.drain()) {
      if (packet[1] == 200) continue;  // a sender report
      packets_.push_back(std::move(packet));
    }
    receivers_.rtcp.drain();
  }
  /// From where the receiver reports.
  void reply(const Datagram& datagram) {
    Receiver& from = GetParam() ? receivers_.rtp : receivers_.rtcp;
    from.send(datagram, from.from());
  }
  bool until(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds{10}, condition);
  }
  /// What arrives until the key frame that is asked for now has been asked for: all that was
  /// answered before.
  std::vector<Datagram> answers() {
    const unsigned before = [this] {
      const std::scoped_lock lock(mutex_);
      return key_frames_;
    }();
    reply(pli());
    EXPECT_TRUE(until([&] { return key_frames_ > before; }));
    return receivers_.rtp.drain();
  }

  const std::vector<EncodedFrame> frames_ = test::encode_stream({.frames = 8});
  ReceiverPair receivers_ = ReceiverPair::make();
  std::vector<Datagram> packets_;
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned key_frames_ = 0;
  std::vector<std::pair<Timestamp, Timestamp>> losses_;
  std::vector<std::uint64_t> bandwidths_;
  std::unique_ptr<RtpSink> sink_;
};

TEST_P(Receiving, AKeyFrameIsHadByPliAndFir) {
  start({});
  write_frames();
  reply(pli());
  EXPECT_TRUE(until([this] { return key_frames_ == 1; }));
  reply(fir());
  EXPECT_TRUE(until([this] { return key_frames_ == 2; }));
}

TEST_P(Receiving, OnlyThePeerIsHeardAndOnlyAboutTheStream) {
  start({});
  write_frames();
  auto stranger = Receiver::bind(0);
  ASSERT_TRUE(stranger);
  const Receiver& peer = GetParam() ? receivers_.rtp : receivers_.rtcp;
  stranger->send(pli(), peer.from());
  reply(pli(kSsrc + 1));
  reply({0x81, 206, 0, 9, 0, 0});  // nothing that anybody should send
  reply(fir());
  EXPECT_TRUE(until([this] { return key_frames_ > 0; }));
  EXPECT_EQ(key_frames_, 1U);
}

TEST_P(Receiving, PeriodicKeyFramesEndWhenTheReceiverAsksAndBeginWhenItLeaves) {
  start({});
  EXPECT_TRUE(sink_->needs_periodic_key_frames());
  write_frames();
  EXPECT_TRUE(sink_->needs_periodic_key_frames());
  reply(pli());
  ASSERT_TRUE(until([this] { return key_frames_ == 1; }));
  EXPECT_FALSE(sink_->needs_periodic_key_frames());
  reply(bye());
  for (unsigned i = 0; i < 500 && !sink_->needs_periodic_key_frames(); ++i) {
    std::this_thread::sleep_for(milliseconds{10});
  }
  EXPECT_TRUE(sink_->needs_periodic_key_frames());
}

TEST_P(Receiving, WhatIsLostComesAgainAsItWas) {
  start({});
  write_frames();
  ASSERT_GE(packets_.size(), 8U);
  reply(nack(rtp::sequence_of(packets_[3])));
  reply(nack(rtp::sequence_of(packets_[5])));
  reply(nack(rtp::sequence_of(packets_[5])));  // it is under way already
  EXPECT_THAT(answers(), ElementsAre(packets_[3], packets_[5]));
  EXPECT_EQ(sink_->stats().packets, packets_.size() + 2);
}

TEST_P(Receiving, WhatIsLostComesAgainInAStreamOfItsOwn) {
  start({.rtx_payload_type = 97, .rtx_ssrc = 0x55});
  write_frames();
  ASSERT_GE(packets_.size(), 8U);
  reply(nack(rtp::sequence_of(packets_[3])));
  const auto again = answers();
  ASSERT_THAT(again, SizeIs(1));
  const Datagram& packet = again.front();
  EXPECT_EQ(packet[1] & 0x7f, 97);
  EXPECT_EQ(packet[11], 0x55);
  EXPECT_EQ(Datagram(packet.begin() + 12, packet.begin() + 14),
            Datagram(packets_[3].begin() + 2, packets_[3].begin() + 4));
  EXPECT_EQ(Datagram(packet.begin() + 14, packet.end()),
            Datagram(packets_[3].begin() + 12, packets_[3].end()));
  EXPECT_LE(std::ranges::max(packets_, {}, &Datagram::size).size() + 2, 1200U);
}

TEST_P(Receiving, ThePicturesOfWhatComesTooLateAreLost) {
  start({});
  const Timestamp before = now();
  write_frames(seconds{5});
  const Timestamp after = now();
  ASSERT_GE(packets_.size(), 8U);
  reply(nack(rtp::sequence_of(packets_[3])));
  ASSERT_TRUE(until([this] { return !losses_.empty(); }));
  EXPECT_GE(losses_.front().first, before - seconds{5});
  EXPECT_LE(losses_.front().second, after - seconds{5});
  EXPECT_THAT(answers(), IsEmpty());
}

// The extension's layout is written out here, by RFC 8285 section 4.2, and not taken from the code.
TEST_P(Receiving, EachPacketCarriesTheExtensionsThatWereAskedFor) {
  start({.mtu = 600, .extensions = {.abs_capture_time = 4, .transport_sequence = 3}});
  const std::uint64_t before =
      rtp::ntp_time(std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now()));
  write_frames(milliseconds{500});
  ASSERT_GE(packets_.size(), 8U);
  std::map<std::uint32_t, std::uint64_t> captured;  // by RTP time
  for (std::size_t i = 0; i < packets_.size(); ++i) {
    const Datagram& packet = packets_[i];
    ASSERT_GT(packet.size(), 28U);
    EXPECT_LE(packet.size(), 600U);
    EXPECT_EQ(packet[0], 0x90);
    EXPECT_EQ(Datagram(packet.begin() + 12, packet.begin() + 17),
              (Datagram{0xbe, 0xde, 0, 3, 0x31}));
    EXPECT_EQ(packet[17] << 8 | packet[18], static_cast<int>(i)) << "transport-wide number";
    EXPECT_EQ(packet[19], 0x47);
    std::uint64_t ntp = 0;
    for (unsigned n = 0; n < 8; ++n) ntp = ntp << 8 | packet[20 + n];
    const double age = static_cast<double>(static_cast<std::int64_t>(before - ntp)) / 4294967296.0;
    EXPECT_GT(age, -5);
    EXPECT_LE(age, 0.5);
    const std::uint32_t time = std::uint32_t{packet[4]} << 24 | std::uint32_t{packet[5]} << 16 |
                               std::uint32_t{packet[6]} << 8 | packet[7];
    EXPECT_EQ(captured.try_emplace(time, ntp).first->second, ntp) << "one time for a picture";
  }
  EXPECT_EQ(std::ranges::max(packets_, {}, &Datagram::size).size(), 600U) << "the room is used";

  // What goes again gets the next number; all else stays.
  reply(nack(rtp::sequence_of(packets_[3])));
  auto again = answers();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0][17] << 8 | again[0][18], static_cast<int>(packets_.size()));
  again[0][17] = packets_[3][17];
  again[0][18] = packets_[3][18];
  EXPECT_EQ(again[0], packets_[3]);
}

// 1/4 more than the stream's 4 Mb/s is what it starts from; REMB and reports of loss lower that.
TEST_P(Receiving, TheBandwidthIsToldWhenItHasChanged) {
  start({});
  write_frames();
  const auto remb = [](std::uint32_t bits_per_second) {
    return feedback(206, 15, 0, {0x52454d42, 1U << 24 | 4U << 18 | bits_per_second / 16, kSsrc});
  };
  reply(remb(2'000'000));
  ASSERT_TRUE(until([this] { return bandwidths_.size() == 1; }));
  EXPECT_EQ(bandwidths_.back(), 2'000'000U);
  reply(remb(1'950'400));
  reply(remb(1'900'000));
  ASSERT_TRUE(until([this] { return bandwidths_.size() == 2; }));
  EXPECT_EQ(bandwidths_.back(), 1'900'000U);
}

TEST_P(Receiving, TransportWideFeedbackMakesAnEstimate) {
  start({.extensions = {.transport_sequence = 3}});
  write_frames();
  Datagram arrived = feedback(205, 15, kSsrc, {8, 0x00000100, 0x20080404, 0x04040404, 0x04040000});
  reply(arrived);
  EXPECT_TRUE(until([this] { return !bandwidths_.empty(); }));
}

TEST_P(Receiving, AMirrorGetsThePacketsAsTheyWere) {
  auto mirror = Receiver::bind(0);
  ASSERT_TRUE(mirror);
  start({.extensions = {.transport_sequence = 3},
         .mirror = rtp::MirrorTarget{.host = "127.0.0.1", .port = mirror->port()}});
  write_frames();
  EXPECT_EQ(mirror->drain(), packets_);
  reply(nack(rtp::sequence_of(packets_[3])));
  const auto again = answers();
  EXPECT_THAT(again, SizeIs(1));
  EXPECT_EQ(mirror->drain(), again);
}

TEST_P(Receiving, AMirrorThatNobodyReadsDisturbsNothing) {
  std::uint16_t port = 0;
  {
    port = Receiver::bind(0)->port();
  }
  start({.mirror = rtp::MirrorTarget{.host = "127.0.0.1", .port = port}});
  write_frames();
  EXPECT_EQ(packets_.size(), sink_->stats().packets);
}

INSTANTIATE_TEST_SUITE_P(Ports, Receiving, testing::Bool(),
                         [](const auto& each) { return each.param ? "Shared" : "TwoPorts"; });

}  // namespace
}  // namespace lumen
