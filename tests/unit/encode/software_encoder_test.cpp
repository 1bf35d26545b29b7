#include "encode/software/software_backend.h"

#include <chrono>
#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

#include "encode/encoder_registry.h"
#include "encode/nal.h"
#include "support/noisy_frames.h"

extern "C" {
#include <libavcodec/avcodec.h>
}

namespace lumen {
namespace {

using namespace std::chrono_literals;

EncoderSettings settings_of(Codec codec) {
  EncoderSettings settings;
  settings.codec = codec;
  settings.size = {640, 360};
  settings.rate = {60, 1};
  settings.bitrate_bps = 4'000'000;
  return settings;
}

class SoftwareEncoder : public testing::TestWithParam<Codec> {
 protected:
  void open(const EncoderSettings& settings) {
    auto encoder =
        software::create(settings, {}, [this](EncodedFrame f) { out_.push_back(std::move(f)); });
    ASSERT_TRUE(encoder) << encoder.error().describe();
    encoder_ = std::move(*encoder);
    size_ = settings.size;
  }
  void encode(std::uint64_t n, const EncodeRequest& request = {}, unsigned noise = 40) {
    const auto done = encoder_->encode(picture(n, noise), time_of(n), request);
    ASSERT_TRUE(done) << done.error().describe();
  }
  Frame picture(std::uint64_t n, unsigned noise) const {
    return test::NoisyFrames(encoder_->input().format, size_, noise)
        .at(static_cast<std::uint32_t>(n));
  }
  static Timestamp time_of(std::uint64_t n) { return Timestamp{1h} + frame_offset({60, 1}, n); }

  std::unique_ptr<VideoEncoder> encoder_;
  Extent size_;
  std::vector<EncodedFrame> out_;
};

TEST_P(SoftwareEncoder, EachPictureComesOutAtOnceWithItsOwnTimeAndId) {
  open(settings_of(GetParam()));
  for (std::uint64_t n = 0; n < 30; ++n) {
    encode(n, EncodeRequest::key_frame(n == 0));
    ASSERT_EQ(out_.size(), n + 1) << "the encoder held a picture back";
    EXPECT_EQ(out_.back().pts, time_of(n));
    EXPECT_EQ(out_.back().times.id, n);
    EXPECT_TRUE(out_.back().times.has(Stage::kSubmitted));
    EXPECT_TRUE(out_.back().times.has(Stage::kEncoded));
  }
}

TEST_P(SoftwareEncoder, KeyFramesComeWhenAskedForAndOnlyThen) {
  open(settings_of(GetParam()));
  for (std::uint64_t n = 0; n < 200; ++n)
    encode(n, EncodeRequest::key_frame(n == 0 || n == 77 || n == 78));
  for (std::uint64_t n = 0; n < 200; ++n) {
    EXPECT_EQ(out_[n].key, n == 0 || n == 77 || n == 78) << n;
  }
}

TEST_P(SoftwareEncoder, ParameterSetsStandApartFromThePictures) {
  open(settings_of(GetParam()));
  for (std::uint64_t n = 0; n < 3; ++n) encode(n, EncodeRequest::key_frame(true));
  NalReader sets(encoder_->stream()->parameter_sets);
  unsigned count = 0;
  while (const auto nal = sets.next()) {
    EXPECT_TRUE(is_parameter_set(GetParam(), *nal));
    ++count;
  }
  EXPECT_EQ(count, GetParam() == Codec::kH264 ? 2U : 3U);
  for (const EncodedFrame& frame : out_) {
    NalReader reader(frame.data.view());
    while (const auto nal = reader.next()) EXPECT_FALSE(is_parameter_set(GetParam(), *nal));
  }
}

TEST_P(SoftwareEncoder, TheBitRateIsObeyedWithinATenthOverTwoSeconds) {
  open(settings_of(GetParam()));
  for (std::uint64_t n = 0; n < 360; ++n) encode(n, EncodeRequest::key_frame(n % 120 == 0));
  // Every two-second window after the first second.
  for (std::size_t begin = 60; begin + 120 <= out_.size(); begin += 20) {
    std::size_t bytes = 0;
    for (std::size_t i = begin; i < begin + 120; ++i) bytes += out_[i].data.view().size();
    EXPECT_NEAR(static_cast<double>(bytes) * 8 / 2, 4e6, 4e5) << "window from frame " << begin;
  }
}

TEST_P(SoftwareEncoder, TheStreamSaysItsColoursAndDecodes) {
  open(settings_of(GetParam()));
  for (std::uint64_t n = 0; n < 5; ++n) encode(n, EncodeRequest::key_frame(n == 0), 0);
  const AVCodec* codec =
      avcodec_find_decoder(GetParam() == Codec::kH264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC);
  std::unique_ptr<AVCodecContext, void (*)(AVCodecContext*)> context(
      avcodec_alloc_context3(codec), [](AVCodecContext* c) { avcodec_free_context(&c); });
  ASSERT_EQ(avcodec_open2(context.get(), codec, nullptr), 0);
  std::unique_ptr<AVPacket, void (*)(AVPacket*)> packet(av_packet_alloc(),
                                                        [](AVPacket* p) { av_packet_free(&p); });
  std::unique_ptr<AVFrame, void (*)(AVFrame*)> frame(av_frame_alloc(),
                                                     [](AVFrame* f) { av_frame_free(&f); });
  std::vector<std::uint8_t> bytes = encoder_->stream()->parameter_sets;
  bytes.insert(bytes.end(), out_[0].data.view().begin(), out_[0].data.view().end());
  ASSERT_EQ(av_new_packet(packet.get(), static_cast<int>(bytes.size())), 0);
  std::copy(bytes.begin(), bytes.end(), packet->data);
  ASSERT_EQ(avcodec_send_packet(context.get(), packet.get()), 0);
  ASSERT_EQ(avcodec_send_packet(context.get(), nullptr), 0);
  ASSERT_EQ(avcodec_receive_frame(context.get(), frame.get()), 0);
  EXPECT_EQ(frame->width, 640);
  EXPECT_EQ(frame->colorspace, AVCOL_SPC_BT709);
  EXPECT_EQ(frame->color_primaries, AVCOL_PRI_BT709);
  EXPECT_EQ(frame->color_trc, AVCOL_TRC_BT709);
  EXPECT_EQ(frame->color_range, AVCOL_RANGE_MPEG);
  EXPECT_NEAR(frame->data[0][180 * frame->linesize[0] + 10], 70, 6)
      << "the pixels are the source's";
}

TEST_P(SoftwareEncoder, TimesMayStandStillOrJumpBackWithoutAnError) {
  open(settings_of(GetParam()));
  for (const auto offset : {0ms, 0ms, 16ms, 3ms, 40ms}) {
    const auto done = encoder_->encode(picture(1, 40), Timestamp{1h} + offset, {});
    EXPECT_TRUE(done) << done.error().describe();
  }
  EXPECT_EQ(out_.size(), 5U);
}

INSTANTIATE_TEST_SUITE_P(Codecs, SoftwareEncoder, testing::Values(Codec::kH264, Codec::kHevc),
                         [](const auto& codec) { return std::string(to_string(codec.param)); });

std::string profile_level_id(const EncoderSettings& settings) {
  auto encoder = software::create(settings, {}, [](const EncodedFrame&) {});
  if (!encoder) return encoder.error().describe();
  const auto& sets = (*encoder)->stream()->parameter_sets;
  char text[8];
  std::snprintf(text, sizeof(text), "%02x%02x%02x", sets[5], sets[6], sets[7]);
  return text;
}

TEST(SoftwareProfiles, ConstrainedBaseline31CanBeHad) {
  EncoderSettings settings = settings_of(Codec::kH264);
  settings.size = {1280, 720};
  settings.rate = {30, 1};
  settings.bitrate_bps = 5'000'000;
  settings.profile = Profile::kBaseline;
  EXPECT_EQ(profile_level_id(settings), "42e01f");
  settings.level = "4.2";
  EXPECT_EQ(profile_level_id(settings), "42e02a");
}

TEST(SoftwareProfiles, MainIsMain) {
  EncoderSettings settings = settings_of(Codec::kH264);
  settings.profile = Profile::kMain;
  settings.preset = "veryfast";  // ultrafast uses no tool that is beyond baseline
  EXPECT_EQ(profile_level_id(settings).substr(0, 2), "4d");
}

TEST(EncoderLadder, WithoutADriverItStepsDownToSoftwareAndSaysWhy) {
  if (open_encoder("ffmpeg-nvenc", settings_of(Codec::kH264), {}, [](auto&&) {})) {
    GTEST_SKIP() << "this machine has NVENC";
  }
  auto opened = open_encoder("auto", settings_of(Codec::kH264), {}, [](auto&&) {});
  ASSERT_TRUE(opened) << opened.error().describe();
  ASSERT_EQ(opened->ladder.size(), 3U);
  EXPECT_EQ(opened->ladder[0].name, "nvenc");
  EXPECT_EQ(opened->ladder[1].name, "ffmpeg-nvenc");
  for (const std::size_t step : {0U, 1U}) {
    EXPECT_FALSE(opened->ladder[step].taken);
    EXPECT_FALSE(opened->ladder[step].reason.empty());
  }
  EXPECT_NE(opened->ladder[1].reason.find("libcuda"), std::string::npos);
  EXPECT_TRUE(opened->ladder[2].taken);
  EXPECT_EQ(opened->backend, "software");
}

TEST(EncoderLadder, ANamedBackendIsThatOrAnError) {
  const auto unknown = open_encoder("videotoolbox", settings_of(Codec::kH264), {}, [](auto&&) {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::kInvalidArgument);
  const auto all_failed = open_encoder("software", settings_of(Codec::kH264), {}, [](auto&&) {},
                                       {{"software", false, "failed while streaming"}});
  EXPECT_FALSE(all_failed);
}

TEST(EncoderLadder, AWishForTenBitsIsNoReasonToBePassedOver) {
  EncoderSettings settings = settings_of(Codec::kAv1);
  settings.bit_depth = 10;
  EXPECT_FALSE(open_encoder("software", settings, {}, [](auto&&) {}));
  settings.depth_is_wish = true;
  const auto opened = open_encoder("software", settings, {}, [](auto&&) {});
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(opened->encoder->input().format, Fourcc::kI420);
  settings.chroma = Chroma::k444;  // which it can't do in eight bits either
  EXPECT_FALSE(open_encoder("software", settings, {}, [](auto&&) {}));
}

TEST(EncoderLadder, WrongSettingsAreNotTriedOnTheNextBackend) {
  EncoderSettings odd = settings_of(Codec::kH264);
  odd.size = {641, 360};
  const auto opened = open_encoder("auto", odd, {}, [](auto&&) {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kInvalidArgument);
  EncoderSettings level = settings_of(Codec::kH264);
  level.level = "nonsense";
  EXPECT_FALSE(open_encoder("software", level, {}, [](auto&&) {}));
}

}  // namespace
}  // namespace lumen
