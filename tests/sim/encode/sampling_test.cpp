// 4:4:4 and ten bits through NVENC's two backends, on the NVENC stand-in: what is lost on the way
// from the picture to the player, and what is refused.
#include <algorithm>
#include <cmath>
#include <string>

#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"

namespace lumen {
namespace {

using test::EncoderFixture;
using test::TestFrames;

constexpr Extent kSize{640, 360};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint32_t kPictures = 30;
#else
constexpr std::uint32_t kPictures = 120;
#endif

struct Kind {
  std::string backend;
  Codec codec = Codec::kH264;
  Chroma chroma = Chroma::k420;
  unsigned bit_depth = 8;
  FrameMemory memory = FrameMemory::kCuda;  // of the pictures
};

std::string name_of(const Kind& kind) {
  std::string name = kind.backend + "_" + std::string(to_string(kind.codec)) +
                     (kind.chroma == Chroma::k444 ? "_444" : "") +
                     (kind.bit_depth == 10 ? "_10bit" : "") +
                     (kind.memory == FrameMemory::kCuda ? "_cuda" : "_host");
  std::ranges::replace(name, '-', '_');
  return name;
}
void PrintTo(const Kind& kind, std::ostream* out) { *out << name_of(kind); }

EncoderSettings settings_of(const Kind& kind) {
  EncoderSettings settings;
  settings.codec = kind.codec;
  settings.size = kSize;
  settings.bitrate_bps = 8'000'000;
  settings.chroma = kind.chroma;
  settings.bit_depth = kind.bit_depth;
  return settings;
}

class OnStandIns : public testing::Test {
 protected:
  void SetUp() override { machine_.start(); }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    machine_.finish();
  }
  Error refusal(const Kind& kind, Profile profile = Profile::kAuto) {
    EncoderSettings settings = settings_of(kind);
    settings.profile = profile;
    const auto opened = fixture_.open(kind.backend, settings);
    if (!opened) return opened.error();
    ADD_FAILURE() << name_of(kind) << " was opened";
    return {};
  }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

class Sampling : public OnStandIns, public testing::WithParamInterface<Kind> {
 protected:
  void open(const EncoderSettings& settings) {
    const auto opened = fixture_.open(GetParam().backend, settings);
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  std::vector<test::DecodedPicture> stream(std::uint32_t count) {
    for (std::uint32_t n = 0; n < count; ++n) {
      const auto done = fixture_.encode(n, EncodeRequest::key_frame(n == 0), GetParam().memory);
      EXPECT_TRUE(done) << n << ": " << done.error().describe();
    }
    const auto flushed = fixture_.encoder->flush();
    EXPECT_TRUE(flushed) << flushed.error().describe();
    return test::play(GetParam().codec, fixture_.take());
  }
};

TEST_P(Sampling, EveryPictureLooksLikeItWentIn) {
  open(settings_of(GetParam()));
  const bool full_chroma = GetParam().chroma == Chroma::k444;
  const auto pictures = stream(kPictures);
  ASSERT_EQ(pictures.size(), kPictures);
  const Rect detail = TestFrames::detail_area(kSize);
  double worst = 100;
  double worst_chroma = 100;
  double worst_detail = 100;
  for (std::uint32_t n = 0; n < kPictures; ++n) {
    const auto& picture = pictures[n];
    ASSERT_EQ(picture.number(), n);
    ASSERT_EQ(picture.bit_depth, GetParam().bit_depth);
    ASSERT_EQ(picture.planes[1].size,
              full_chroma ? kSize : (Extent{kSize.width / 2, kSize.height / 2}));
    const Frame original = fixture_.original(n);
    worst = std::min(worst, test::psnr(picture, original));
    worst_chroma = std::min(worst_chroma, test::chroma_psnr(picture, original));
    if (!full_chroma) continue;
    const auto planes = test::samples_of(original);
    for (const std::size_t plane : {1U, 2U}) {
      worst_detail = std::min(worst_detail,
                              test::psnr(test::part_of(picture.planes[plane], detail),
                                         test::part_of(planes[plane], detail), picture.bit_depth));
    }
  }
  EXPECT_GE(worst, 35);
  EXPECT_GE(worst_chroma, 35);
  EXPECT_GE(worst_detail, 30) << "single columns of Cb and rows of Cr";
  RecordProperty("worst_luma_psnr", std::to_string(worst));
  RecordProperty("worst_chroma_psnr", std::to_string(worst_chroma));
  RecordProperty("worst_detail_psnr", std::to_string(worst_detail));
}

using TenBits = Sampling;

// A ramp in which each code value of ten bits has two columns: eight bits, rounded, are one value
// off on average.
TEST_P(TenBits, AreTen) {
  EncoderSettings settings = settings_of(GetParam());
  settings.constant_qp = 4;
  open(settings);
  const auto pictures = stream(3);
  ASSERT_EQ(pictures.size(), 3u);
  const Rect ramp = TestFrames::ramp_area(kSize);
  const auto made = test::part_of(pictures[2].planes[0], ramp);
  const auto drawn = test::part_of(test::samples_of(fixture_.original(2))[0], ramp);
  ASSERT_GE(ramp.size.width, 32u);
  double off = 0;
  for (std::uint32_t x = 0; x < ramp.size.width; ++x) {
    double column = 0;
    for (std::uint32_t y = 0; y < ramp.size.height; ++y) {
      const std::size_t at = std::size_t{y} * ramp.size.width + x;
      column += static_cast<double>(made.samples[at]) - drawn.samples[at];
    }
    off += std::abs(column / ramp.size.height);
  }
  EXPECT_LT(off / ramp.size.width, 0.5);
}

constexpr auto kCuda = FrameMemory::kCuda;
constexpr auto kHost = FrameMemory::kHost;
INSTANTIATE_TEST_SUITE_P(
    Nvenc, Sampling,
    testing::Values(Kind{"nvenc", Codec::kH264, Chroma::k444, 8, kCuda},
                    Kind{"nvenc", Codec::kH264, Chroma::k444, 8, kHost},
                    Kind{"nvenc", Codec::kHevc, Chroma::k444, 8, kCuda},
                    Kind{"nvenc", Codec::kHevc, Chroma::k420, 10, kCuda},
                    Kind{"nvenc", Codec::kHevc, Chroma::k420, 10, kHost},
                    Kind{"nvenc", Codec::kHevc, Chroma::k444, 10, kCuda},
                    Kind{"nvenc", Codec::kHevc, Chroma::k444, 10, kHost},
                    Kind{"ffmpeg-nvenc", Codec::kH264, Chroma::k444, 8, kCuda},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, Chroma::k444, 8, kHost},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, Chroma::k420, 10, kCuda},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, Chroma::k420, 10, kHost},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, Chroma::k444, 10, kCuda}),
    [](const auto& each) { return name_of(each.param); });

INSTANTIATE_TEST_SUITE_P(
    Nvenc, TenBits,
    testing::Values(Kind{"nvenc", Codec::kHevc, Chroma::k420, 10, kCuda},
                    Kind{"nvenc", Codec::kHevc, Chroma::k444, 10, kHost},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, Chroma::k420, 10, kHost},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, Chroma::k444, 10, kCuda}),
    [](const auto& each) { return name_of(each.param); });

using SamplingRefused = OnStandIns;

TEST_F(SamplingRefused, WhatNoNvencHasWithAWayOut) {
  for (const std::string backend : {"nvenc", "ffmpeg-nvenc"}) {
    SCOPED_TRACE(backend);
    const Error h264 = refusal({backend, Codec::kH264, Chroma::k420, 10});
    EXPECT_EQ(h264.kind, ErrorKind::kUnsupported);
    EXPECT_NE(h264.message.find("8 bits only"), std::string::npos) << h264.describe();
    EXPECT_NE(h264.hint.find("hevc"), std::string::npos) << h264.describe();
    EXPECT_EQ(refusal({backend, Codec::kH264, Chroma::k420, 9}).kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(refusal({backend, Codec::kHevc, Chroma::k420, 12}).kind, ErrorKind::kInvalidArgument);
    for (const Profile profile : {Profile::kBaseline, Profile::kMain}) {
      const Error small = refusal({backend, Codec::kH264, Chroma::k444}, profile);
      EXPECT_EQ(small.kind, ErrorKind::kInvalidArgument) << small.describe();
      EXPECT_NE(small.message.find("4:4:4"), std::string::npos) << small.describe();
    }
  }
}

TEST_F(SamplingRefused, WhatThisGpuDoesNotHave) {
  for (const std::string backend : {"nvenc", "ffmpeg-nvenc"}) {
    SCOPED_TRACE(backend);
    ASSERT_EQ(machine_.nvenc.set_gpu("maxwell"), 1);  // HEVC without both, H.264 with 4:4:4
    for (const Kind& kind :
         {Kind{backend, Codec::kHevc, Chroma::k444}, Kind{backend, Codec::kHevc, Chroma::k420, 10},
          Kind{backend, Codec::kHevc, Chroma::k444, 10}}) {
      const Error refused = refusal(kind);
      EXPECT_EQ(refused.kind, ErrorKind::kUnsupported) << refused.describe();
      const bool full_chroma = kind.chroma == Chroma::k444;
      EXPECT_NE((refused.message + refused.hint).find(full_chroma ? "4:4:4" : "10 bits"),
                std::string::npos)
          << refused.describe();
      EXPECT_NE(refused.hint.find("4:2:0 of 8 bits"), std::string::npos) << refused.describe();
    }
    const auto opened = fixture_.open(backend, settings_of({backend, Codec::kH264, Chroma::k444}));
    EXPECT_TRUE(opened) << opened.error().describe();
    fixture_.close();
    ASSERT_EQ(machine_.nvenc.set_gpu("pascal"), 1);
    const auto newer =
        fixture_.open(backend, settings_of({backend, Codec::kHevc, Chroma::k444, 10}));
    EXPECT_TRUE(newer) << newer.error().describe();
    fixture_.close();
  }
}

// A GPU without ten bits stays ahead of the CPU, where they are but a wish.
TEST_F(OnStandIns, AWishForTenBitsDoesNotCostTheGpu) {
  EncoderSettings settings = settings_of({"nvenc", Codec::kHevc, Chroma::k420, 10});
  settings.depth_is_wish = true;
  for (const auto& [gpu, format] :
       {std::pair{"maxwell", Fourcc::kNV12}, std::pair{"pascal", Fourcc::kP010}}) {
    ASSERT_EQ(machine_.nvenc.set_gpu(gpu), 1);
    auto opened = open_encoder("auto", settings, {.gpu = gpu_}, [](EncodedFrame) {});
    ASSERT_TRUE(opened) << opened.error().describe();
    EXPECT_EQ(opened->backend, "nvenc") << gpu;
    EXPECT_EQ(opened->encoder->input().format, format) << gpu;
  }
  settings.depth_is_wish = false;
  ASSERT_EQ(machine_.nvenc.set_gpu("maxwell"), 1);
  const auto opened = open_encoder("auto", settings, {.gpu = gpu_}, [](EncodedFrame) {});
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(opened->backend, "software") << "who asks for ten bits gets them";
}

// NVENC converts packed RGB by itself; what a CPU route makes instead has the stream's chroma.
TEST_F(OnStandIns, PackedRgbBecomesFullChroma) {
  EncoderSettings settings = settings_of({"nvenc", Codec::kHevc, Chroma::k444});
  settings.in_place = true;
  settings.constant_qp = 10;
  const auto opened = fixture_.open("nvenc", settings);
  ASSERT_TRUE(opened) << opened.error().describe();
  VideoEncoder& encoder = *fixture_.encoder;
  EXPECT_EQ(encoder.input().format, Fourcc::kBGRx);
  EXPECT_TRUE(encoder.input().in_place);
  EXPECT_EQ(encoder.input().converted, Fourcc::kI444);
  Frame frame;
  frame.size = kSize;
  CpuImage image;
  image.format = Fourcc::kBGRx;
  const std::size_t bytes = std::size_t{kSize.width} * kSize.height * 4;
  image.memory = {new std::uint8_t[bytes], std::default_delete<std::uint8_t[]>()};
  image.planes[0] = image.memory.get();
  image.pitches[0] = Pitch{kSize.width * 4};
  for (std::size_t i = 0; i < bytes; i += 4) {  // columns of red and blue
    image.planes[0][i] = i / 4 % 2 == 0 ? 0 : 255;
    image.planes[0][i + 1] = image.planes[0][i + 3] = 0;
    image.planes[0][i + 2] = i / 4 % 2 == 0 ? 255 : 0;
  }
  frame.payload = image;
  ASSERT_TRUE(encoder.encode(frame, EncoderFixture::time_of(0), EncodeRequest::key_frame()));
  const TestFrames yuv(Fourcc::kI444, kSize);
  ASSERT_TRUE(encoder.encode(yuv.at(1), EncoderFixture::time_of(1), {}));
  const TestFrames subsampled(Fourcc::kNV12, kSize);
  const auto wrong = encoder.encode(subsampled.at(2), EncoderFixture::time_of(2), {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::kInvalidArgument);
  ASSERT_TRUE(encoder.flush());
  const auto pictures = test::play(Codec::kHevc, fixture_.take());
  ASSERT_EQ(pictures.size(), 2u);
  const std::size_t middle = std::size_t{kSize.height} / 2 * kSize.width + kSize.width / 2;
  EXPECT_NEAR(pictures[0].blue[middle], 102, 6);  // BT.709: red, then blue
  EXPECT_NEAR(pictures[0].red[middle], 240, 6);
  EXPECT_NEAR(pictures[0].blue[middle + 1], 240, 6);
  EXPECT_NEAR(pictures[0].red[middle + 1], 118, 6);
  EXPECT_EQ(pictures[1].number(), 1u);
  EXPECT_GE(test::chroma_psnr(pictures[1], yuv.at(1)), 35);
}

TEST_F(OnStandIns, TenBitsAreNotMadeOfEightInPlace) {
  EncoderSettings settings = settings_of({"nvenc", Codec::kHevc, Chroma::k420, 10});
  settings.in_place = true;
  ASSERT_TRUE(fixture_.open("nvenc", settings));
  EXPECT_EQ(fixture_.encoder->input().format, Fourcc::kP010);
  EXPECT_FALSE(fixture_.encoder->input().in_place);
}

}  // namespace
}  // namespace lumen
