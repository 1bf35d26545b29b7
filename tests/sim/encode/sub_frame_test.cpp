// Slices that leave the encoder while it works on the rest of the picture, up to the network. On
// the NVENC stand-in, which shows one slice more each time it is asked.
#include <chrono>
#include <map>
#include <string>
#include <thread>

#include "app/pipeline/sink_runner.h"
#include "encode/access_unit_assembler.h"
#include "encode/nal.h"
#include "encode/nvenc/driver.h"
#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"
#include "sink/rtp/rtp_sink.h"
#include "support/udp_receiver.h"
#include "unit/sink/depacketizer.h"

namespace lumen {
namespace {

using test::EncoderFixture;

constexpr std::uint32_t kPictures = 30;

class SubFrame : public testing::TestWithParam<Codec> {
 protected:
  void SetUp() override { machine_.start(); }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    machine_.finish();
  }
  /// Four slices: six of 23 rows of macroblocks, three of 12 rows of coding tree blocks each.
  static EncoderSettings settings(bool sub_frame) {
    EncoderSettings settings;
    settings.codec = GetParam();
    settings.size = {640, 360};
    settings.max_size = {1280, 720};
    settings.bitrate_bps = 6'000'000;
    settings.sub_frame = sub_frame;
    if (sub_frame) {
      settings.slices = 4;
    } else {
      settings.slice_rows = GetParam() == Codec::kH264 ? 6 : 3;
    }
    return settings;
  }
  void open(const EncoderSettings& settings) {
    const auto opened = fixture_.open("nvenc", settings);
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  std::vector<EncodedFrame> stream(const EncoderSettings& settings) {
    open(settings);
    for (std::uint32_t n = 0; n < kPictures; ++n) {
      const auto done = fixture_.encode(n, EncodeRequest::key_frame(n % 20 == 0));
      EXPECT_TRUE(done) << done.error().describe();
    }
    const auto flushed = fixture_.encoder->flush();
    EXPECT_TRUE(flushed) << flushed.error().describe();
    auto frames = fixture_.take();
    fixture_.close();
    return frames;
  }
  static std::vector<EncodedFrame> assemble(const std::vector<EncodedFrame>& parts) {
    std::vector<EncodedFrame> frames;
    AccessUnitAssembler assembler;
    for (const EncodedFrame& part : parts) {
      if (auto whole = assembler.add(part)) frames.push_back(std::move(*whole));
    }
    return frames;
  }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

TEST_P(SubFrame, ThePartsAreSlicesAndAddUpToTheSameBitstream) {
  const auto parts = stream(settings(true));
  const auto whole = stream(settings(false));
  ASSERT_EQ(whole.size(), kPictures);
  ASSERT_EQ(parts.size(), kPictures * 4);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const EncodedFrame& part = parts[i];
    EXPECT_EQ(part.part, i % 4);
    EXPECT_EQ(part.last, i % 4 == 3);
    EXPECT_EQ(part.key, i / 4 % 20 == 0) << "the same in all parts";
    EXPECT_EQ(part.pts, whole[i / 4].pts);
    unsigned units = 0;
    NalReader reader(part.data.view());
    while (reader.next()) ++units;
    EXPECT_EQ(units, 1u) << "whole slices";
    if (i % 4 != 0) {
      EXPECT_GE(part.times[Stage::kEncoded], parts[i - 1].times[Stage::kEncoded]);
    }
  }
  const auto assembled = assemble(parts);
  ASSERT_EQ(assembled.size(), kPictures);
  for (std::size_t n = 0; n < kPictures; ++n) {
    EXPECT_TRUE(std::ranges::equal(assembled[n].data.view(), whole[n].data.view())) << n;
    EXPECT_EQ(assembled[n].key, whole[n].key);
  }
  const auto pictures = test::play(GetParam(), assembled);
  ASSERT_EQ(pictures.size(), kPictures);
  for (std::uint32_t n = 0; n < kPictures; ++n) EXPECT_EQ(pictures[n].number(), n);
}

TEST_P(SubFrame, ASlicePerRowOfBlocks) {
  EncoderSettings rows = settings(true);
  rows.slices = 1;
  rows.slice_rows = 1;
  const auto parts = stream(rows);
  EXPECT_EQ(parts.size(), kPictures * (GetParam() == Codec::kH264 ? 23 : 12));
  EXPECT_EQ(assemble(parts).size(), kPictures);
}

TEST_P(SubFrame, ANewSizeHasAsManySlices) {
  open(settings(true));
  for (std::uint32_t n = 0; n < 5; ++n) ASSERT_TRUE(fixture_.encode(n));
  ASSERT_TRUE(fixture_.encoder->reconfigure({.size = Extent{1280, 720}}));
  fixture_.draw({1280, 720});
  for (std::uint32_t n = 5; n < 10; ++n) ASSERT_TRUE(fixture_.encode(n));
  ASSERT_TRUE(fixture_.encoder->flush());
  const auto parts = fixture_.take();
  EXPECT_EQ(parts.size(), 40u);
  const auto pictures = test::play(GetParam(), assemble(parts));
  ASSERT_EQ(pictures.size(), 10u);
  for (std::uint32_t n = 0; n < 10; ++n) EXPECT_EQ(pictures[n].number(), n);
}

TEST_P(SubFrame, OneSliceOrAChipThatCannotComesWhole) {
  EncoderSettings single = settings(true);
  single.slices = 1;
  open(single);
  EXPECT_FALSE(fixture_.encoder->capabilities().sub_frame);
  fixture_.close();
  open(settings(true));
  EXPECT_TRUE(fixture_.encoder->capabilities().sub_frame);
  fixture_.close();
  machine_.nvenc.hide_capability(NV_ENC_CAPS_SUPPORT_SUBFRAME_READBACK);
  open(settings(true));
  EXPECT_FALSE(fixture_.encoder->capabilities().sub_frame);
  fixture_.close();
  const auto frames = stream(settings(true));
  ASSERT_EQ(frames.size(), kPictures);
  EXPECT_TRUE(frames[3].last);
}

TEST_P(SubFrame, EveryFaultBetweenTwoSlicesIsAnErrorAndLeavesNothingBehind) {
  EncoderSettings few = settings(true);
  for (const char* call : {"nvEncLockBitstream", "nvEncUnlockBitstream"}) {
    for (int at = 1; at <= 12; ++at) {
      machine_.nvenc.reset();
      const std::string rule = std::string(call) + "@" + std::to_string(at) + "=20";
      ASSERT_TRUE(machine_.nvenc.set_fail(rule.c_str()));
      open(few);
      Result<void> done;
      for (std::uint32_t n = 0; n < 6 && done; ++n) done = fixture_.encode(n);
      if (done) done = fixture_.encoder->flush();
      EXPECT_FALSE(done) << rule;
      for (const EncodedFrame& whole : assemble(fixture_.take())) {
        EXPECT_EQ(whole.key, whole.pts == EncoderFixture::time_of(0));
      }
      fixture_.close();
      ASSERT_STREQ(machine_.nvenc.violations(), "") << rule;
      ASSERT_EQ(machine_.nvenc.live_handles(), 0u) << rule << machine_.nvenc.live_names();
    }
  }
}

/// Encoder, sink on its own thread, sockets: what a receiver gets.
TEST_P(SubFrame, TheFirstPacketsLeaveBeforeTheLastSliceExists) {
  auto receivers = test::ReceiverPair::make();
  auto sink = RtpSink::create({.host = "127.0.0.1", .port = receivers.rtp.port()});
  ASSERT_TRUE(sink) << sink.error().describe();
  FrameLedger ledger;
  SinkRunner runner(
      std::move(*sink), ledger, nullptr,
      {.key_frame_needed = [] { ADD_FAILURE() << "overflow"; },
       .failed = [](const std::string&, const Error& error) { FAIL() << error.describe(); },
       .happened = [](const StreamEvent&) {}});

  std::vector<EncodedFrame> parts;
  test::Depacketizer depacketizer(GetParam());
  std::map<std::uint32_t, std::vector<std::uint8_t>> units;  // by time stamp, from 0
  std::size_t known = 0;
  std::size_t slices = 0;
  const auto receive = [&] {
    for (const auto& packet : receivers.rtp.drain()) {
      depacketizer.take(packet);
      const auto& headers = depacketizer.headers();
      auto& unit = units[headers.back().timestamp - headers.front().timestamp];
      for (; known < depacketizer.nals().size(); ++known) {
        const auto& nal = depacketizer.nals()[known];
        slices += is_parameter_set(GetParam(), nal) ? 0 : 1;
        unit.insert(unit.end(), {0, 0, 0, 1});
        unit.insert(unit.end(), nal.begin(), nal.end());
      }
    }
  };
  // On the thread that asks the chip for the next slice: while it waits here, there is none.
  auto opened = open_encoder("nvenc", settings(true), {.gpu = gpu_}, [&](EncodedFrame frame) {
    parts.push_back(frame);
    runner.offer(frame);
    if (frame.last) return;
    for (int i = 0; i < 5000 && slices < parts.size(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      receive();
    }
    EXPECT_EQ(slices, parts.size()) << "the receiver has what there is";
    EXPECT_FALSE(depacketizer.headers().back().marker) << "the access unit goes on";
  });
  ASSERT_TRUE(opened) << opened.error().describe();
  test::TestFrames pictures(opened->encoder->input().format, {640, 360});
  for (std::uint32_t n = 0; n < kPictures; ++n) {
    ASSERT_TRUE(opened->encoder->encode(pictures.at(n), EncoderFixture::time_of(n),
                                        EncodeRequest::key_frame(n == 0)));
  }
  ASSERT_TRUE(opened->encoder->flush());
  const auto description = opened->encoder->stream();
  opened->encoder.reset();
  runner.finish();
  receive();
  EXPECT_EQ(parts.size(), kPictures * 4);
  EXPECT_EQ(ledger.total().all.frames, kPictures);
  EXPECT_EQ(ledger.total().all.clock_anomalies, 0u);

  const auto& headers = depacketizer.headers();
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const bool end = i + 1 == headers.size() || headers[i + 1].timestamp != headers[i].timestamp;
    EXPECT_EQ(headers[i].marker, end) << "one marker per access unit, on its last packet";
  }
  ASSERT_EQ(units.size(), kPictures);
  std::vector<EncodedFrame> received;
  for (auto& [time, bytes] : units) {
    EncodedFrame frame;
    frame.stream = description;
    auto owner = std::make_shared<std::vector<std::uint8_t>>(std::move(bytes));
    const std::span<const std::uint8_t> view(*owner);
    frame.data = SharedBytes(std::move(owner), view);
    received.push_back(std::move(frame));
  }
  const auto sent = test::play(GetParam(), assemble(parts));
  const auto shown = test::play(GetParam(), received);
  ASSERT_EQ(shown.size(), kPictures);
  for (std::uint32_t n = 0; n < kPictures; ++n) {
    EXPECT_EQ(shown[n].number(), n);
    EXPECT_EQ(test::psnr(shown[n], sent[n]), 100) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(Codecs, SubFrame, testing::Values(Codec::kH264, Codec::kHevc),
                         [](const auto& each) { return std::string(to_string(each.param)); });

}  // namespace
}  // namespace lumen
