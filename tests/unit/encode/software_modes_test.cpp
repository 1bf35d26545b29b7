// What the software encoders promise beyond the contract that all backends share.
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "encode/nal.h"
#include "encode/software/quantizer_model.h"
#include "encode/software/rate_trim.h"
#include "encode/software/software_backend.h"
#include "support/noisy_frames.h"

extern "C" {
#include <libavcodec/avcodec.h>
}

namespace lumen {
namespace {

EncoderSettings mode_settings(Codec codec, Extent size = {640, 360}) {
  EncoderSettings settings;
  settings.codec = codec;
  settings.size = size;
  settings.bitrate_bps = 4'000'000;
  return settings;
}

std::unique_ptr<VideoEncoder> open(const EncoderSettings& settings) {
  auto encoder = software::create(settings, {}, [](const EncodedFrame&) {});
  EXPECT_TRUE(encoder) << encoder.error().describe();
  return encoder ? std::move(*encoder) : nullptr;
}

ErrorKind refusal(const EncoderSettings& settings) {
  const auto encoder = software::create(settings, {}, [](const EncodedFrame&) {});
  EXPECT_FALSE(encoder);
  return encoder ? ErrorKind::kRetry : encoder.error().kind;
}

TEST(SoftwareModes, H264GoesBackAsFarAsItsLevelLetsDecodersKeepPictures) {
  EncoderSettings settings = mode_settings(Codec::kH264, {1920, 1080});
  EXPECT_EQ(open(settings)->capabilities().references, 8u);
  settings.level = "4.1";  // 32768 macroblocks, 8160 to a picture
  EXPECT_EQ(open(settings)->capabilities().references, 4u);
  settings.size = {1280, 720};
  settings.level = "3.1";  // 18000, 3600 to a picture
  EXPECT_EQ(open(settings)->capabilities().references, 5u);
}

TEST(SoftwareModes, RecoveryIsWhatWasAskedForOrTheNextInLine) {
  EncoderSettings settings = mode_settings(Codec::kH264, {1920, 1080});
  EXPECT_TRUE(open(settings)->capabilities().invalidation);
  settings.recovery = Recovery::kIntraRefresh;  // 120 columns take too long for 30 pictures
  EXPECT_FALSE(open(settings)->capabilities().intra_refresh);
  settings.refresh_frames = 120;
  EXPECT_TRUE(open(settings)->capabilities().intra_refresh);
  settings.recovery = Recovery::kKeyFrame;
  EXPECT_FALSE(open(settings)->capabilities().invalidation);
  EXPECT_FALSE(open(settings)->capabilities().intra_refresh);

  for (const Codec codec : {Codec::kHevc, Codec::kAv1}) {
    const auto encoder = open(mode_settings(codec));
    EXPECT_FALSE(encoder->capabilities().invalidation);
    EXPECT_FALSE(encoder->capabilities().intra_refresh);
  }
}

TEST(SoftwareModes, WhatCantBeRepairedIsMadeAnewByAKeyFrame) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc, Codec::kAv1}) {
    EncoderSettings settings = mode_settings(codec);
    settings.recovery = Recovery::kKeyFrame;
    std::vector<EncodedFrame> out;
    auto encoder =
        software::create(settings, {}, [&out](EncodedFrame frame) { out.push_back(frame); });
    ASSERT_TRUE(encoder) << encoder.error().describe();
    const test::NoisyFrames pictures((*encoder)->input().format, settings.size);
    for (std::uint32_t n = 0; n < 30; ++n) {
      EncodeRequest request;
      if (n == 10) request = {.repair = EncodeRequest::Repair::kIntraRefresh};
      if (n == 20) {
        request = {.repair = EncodeRequest::Repair::kInvalidate,
                   .lost_from = Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, 18)};
      }
      const auto time = Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n);
      ASSERT_TRUE((*encoder)->encode(pictures.at(n), time, request));
    }
    ASSERT_TRUE((*encoder)->flush());
    ASSERT_EQ(out.size(), 30u);
    for (std::uint32_t n = 0; n < 30; ++n) {
      EXPECT_EQ(out[n].key, n % 10 == 0) << to_string(codec) << " " << n;
      EXPECT_EQ(out[n].repaired, n % 10 == 0) << to_string(codec) << " " << n;
    }
  }
}

TEST(SoftwareModes, ImpossibleCombinationsAreRefused) {
  EncoderSettings settings = mode_settings(Codec::kH264);
  settings.profile = Profile::kBaseline;
  settings.entropy = EntropyCoder::kCabac;
  EXPECT_EQ(refusal(settings), ErrorKind::kUnsupported);
  settings.entropy = EntropyCoder::kAuto;
  settings.chroma = Chroma::k444;
  EXPECT_EQ(refusal(settings), ErrorKind::kInvalidArgument);
  for (const Codec codec : {Codec::kH264, Codec::kHevc}) {
    EncoderSettings deep = mode_settings(codec);
    deep.bit_depth = 12;
    EXPECT_EQ(refusal(deep), ErrorKind::kInvalidArgument);
    EncoderSettings unknown = mode_settings(codec);
    unknown.preset = "fastest";
    EXPECT_EQ(refusal(unknown), ErrorKind::kUnsupported);
  }
  EncoderSettings av1 = mode_settings(Codec::kAv1);
  av1.chroma = Chroma::k444;
  EXPECT_EQ(refusal(av1), ErrorKind::kUnsupported);
}

TEST(SoftwareModes, TheWantedFormatFollowsChromaAndDepth) {
  const auto format = [](Codec codec, Chroma chroma, unsigned depth) {
    EncoderSettings settings = mode_settings(codec);
    settings.chroma = chroma;
    settings.bit_depth = depth;
    return open(settings)->input().format;
  };
  EXPECT_EQ(format(Codec::kH264, Chroma::k420, 8), Fourcc::kNV12);
  EXPECT_EQ(format(Codec::kHevc, Chroma::k420, 8), Fourcc::kI420);
  for (const Codec codec : {Codec::kH264, Codec::kHevc}) {
    EXPECT_EQ(format(codec, Chroma::k444, 8), Fourcc::kI444);
    EXPECT_EQ(format(codec, Chroma::k420, 10), Fourcc::kP010);
    EXPECT_EQ(format(codec, Chroma::k444, 10), Fourcc::kQ410);
  }
}

/// A ramp of 640 steps of a tenth bit, decoded again.
std::vector<std::uint16_t> ramp_through(Codec codec, Fourcc format) {
  EncoderSettings settings = mode_settings(codec);
  settings.bit_depth = 10;
  settings.chroma = format == Fourcc::kQ410 ? Chroma::k444 : Chroma::k420;
  settings.constant_qp = 4;
  std::vector<EncodedFrame> out;
  auto encoder =
      software::create(settings, {}, [&out](EncodedFrame frame) { out.push_back(frame); });
  if (!encoder) return {};
  const std::size_t luma = std::size_t{640} * 360;
  auto words = std::make_shared<std::vector<std::uint16_t>>(luma * 3, std::uint16_t{512 << 6});
  for (std::size_t i = 0; i < luma; ++i) {
    (*words)[i] = static_cast<std::uint16_t>((200 + i % 640) << 6);
  }
  auto* const bytes = reinterpret_cast<std::uint8_t*>(words->data());
  CpuImage image;
  image.format = format;
  image.memory = std::shared_ptr<std::uint8_t>(words, bytes);
  image.planes = {bytes, bytes + luma * 2, bytes + luma * 4};
  image.pitches = {Pitch{1280}, Pitch{1280}, Pitch{1280}};
  Frame frame;
  frame.payload = image;
  frame.size = settings.size;
  if (!(*encoder)->encode(frame, Timestamp{std::chrono::hours{1}}, EncodeRequest::key_frame())) {
    return {};
  }
  const AVCodec* const decoder =
      avcodec_find_decoder(codec == Codec::kH264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC);
  AVCodecContext* context = avcodec_alloc_context3(decoder);
  AVPacket* packet = av_packet_alloc();
  AVFrame* picture = av_frame_alloc();
  std::vector<std::uint16_t> row;
  std::vector<std::uint8_t> unit = out.at(0).stream->parameter_sets;
  unit.insert(unit.end(), out[0].data.view().begin(), out[0].data.view().end());
  if (avcodec_open2(context, decoder, nullptr) == 0 &&
      av_new_packet(packet, static_cast<int>(unit.size())) == 0) {
    std::memcpy(packet->data, unit.data(), unit.size());
    avcodec_send_packet(context, packet);
    avcodec_send_packet(context, nullptr);
    if (avcodec_receive_frame(context, picture) == 0) {
      row.resize(640);
      std::memcpy(row.data(), picture->data[0] + 100 * std::ptrdiff_t{picture->linesize[0]}, 1280);
    }
  }
  av_frame_free(&picture);
  av_packet_free(&packet);
  avcodec_free_context(&context);
  return row;
}

TEST(SoftwareModes, TenBitsAreTen) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc}) {
    for (const Fourcc format : {Fourcc::kP010, Fourcc::kQ410}) {
      const auto row = ramp_through(codec, format);
      ASSERT_EQ(row.size(), 640u) << to_string(codec) << " " << to_string(format);
      for (std::size_t x = 0; x < row.size(); ++x) {
        ASSERT_NEAR(row[x], 200 + static_cast<int>(x), 3) << to_string(codec) << " column " << x;
      }
      EXPECT_GT(std::set(row.begin(), row.end()).size(), 400u) << "steps of eight bits";
    }
  }
}

TEST(SoftwareModes, APictureHasAsManySlicesAsAskedForAndComesAtOnce) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc}) {
    EncoderSettings settings = mode_settings(codec);
    settings.slices = 3;
    std::vector<EncodedFrame> out;
    auto encoder =
        software::create(settings, {}, [&out](EncodedFrame frame) { out.push_back(frame); });
    ASSERT_TRUE(encoder) << encoder.error().describe();
    const test::NoisyFrames pictures((*encoder)->input().format, settings.size);
    for (std::uint32_t n = 0; n < 20; ++n) {
      const auto time = Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n);
      ASSERT_TRUE((*encoder)->encode(pictures.at(n), time, EncodeRequest::key_frame(n == 0)));
      ASSERT_EQ(out.size(), n + 1) << to_string(codec);
      unsigned slices = 0;
      NalReader reader(out.back().data.view());
      while (const auto nal = reader.next()) {
        const unsigned type = nal_type(codec, *nal);
        slices += codec == Codec::kH264 ? type == 1 || type == 5 : type < 32;
      }
      EXPECT_EQ(slices, 3u) << to_string(codec) << " picture " << n;
    }
  }
}

TEST(SoftwareModes, ConstantQualityHasNoBitRateToChange) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc, Codec::kAv1}) {
    EncoderSettings settings = mode_settings(codec);
    settings.constant_qp = 24;
    const auto encoder = open(settings);
    ASSERT_TRUE(encoder);
    EXPECT_FALSE(encoder->capabilities().change_bitrate);
    const auto changed = encoder->reconfigure({.bitrate_bps = 1'000'000});
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().kind, ErrorKind::kUnsupported);
  }
}

TEST(SoftwareModes, ASizeComesBackAfterASmallerOne) {
  for (const Codec codec : {Codec::kH264, Codec::kHevc, Codec::kAv1}) {
    const auto encoder = open(mode_settings(codec));
    EXPECT_TRUE(encoder->reconfigure({.size = Extent{320, 180}}));
    EXPECT_TRUE(encoder->reconfigure({.size = Extent{640, 360}}));
    EXPECT_FALSE(encoder->reconfigure({.size = Extent{1280, 720}}));
    EXPECT_EQ(encoder->stream()->size, (Extent{640, 360}));
  }
}

TEST(RateTrim, WhatIsLeftUnusedIsAskedForUntilItIsUsed) {
  software::RateTrim trim(100'000);
  EXPECT_EQ(trim.factor(), 1);
  // An encoder that uses four fifths of what it is given.
  double last_second = 0;
  for (int n = 0; n < 120; ++n) {
    const double bits = 100'000 * trim.factor() * 0.8;
    trim.coded(bits);
    if (n >= 60) last_second += bits;
  }
  EXPECT_NEAR(last_second, 60 * 100'000, 60'000);
}

TEST(RateTrim, AStillScreenSavesNoMoreThanAFewPictures) {
  software::RateTrim trim(100'000);
  for (int n = 0; n < 1000; ++n) trim.coded(100);
  // Then an encoder that uses all of it.
  double second = 0;
  for (int n = 0; n < 60; ++n) {
    const double bits = 100'000 * trim.factor();
    trim.coded(bits);
    second += bits;
  }
  EXPECT_LE(second, 60 * 100'000 * 1.04);
}

TEST(QuantizerModel, FindsTheQuantizerThatTheRateHasRoomFor) {
  // A picture that takes 1.6 million bits at quantizer 20, half as many every six steps.
  const auto bits = [](int quantizer) { return 1.6e6 * std::exp2((20 - quantizer) / 6.0); };
  software::QuantizerModel model(100'000, 20);
  double last_second = 0;
  for (int n = 0; n < 180; ++n) {
    const double taken = bits(model.quantizer());
    model.coded(taken);
    if (n >= 120) last_second += taken;
  }
  EXPECT_LE(last_second, 60 * 100'000 * 1.05);
  EXPECT_GE(last_second, 60 * 100'000 * 0.85);
}

TEST(QuantizerModel, ASuddenLoadIsAnsweredAtOnceAndAQuietSpellByAndBy) {
  software::QuantizerModel model(100'000, 30);
  model.coded(1'000'000);
  EXPECT_GE(model.quantizer(), 34);
  software::QuantizerModel quiet(100'000, 30);
  quiet.coded(1000);
  EXPECT_EQ(quiet.quantizer(), 29);
}

}  // namespace
}  // namespace lumen
