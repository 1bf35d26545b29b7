// What every backend promises, whatever it is made of. NVENC's two run on the NVENC stand-in.
#include <algorithm>
#include <string>
#include <thread>

#include "encode/nal.h"
#include "encode/nvenc/driver.h"
#include "encode/obu.h"
#include "encode/parameter_sets.h"
#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"

namespace lumen {
namespace {

using test::DecodedPicture;
using test::EncoderFixture;

struct Kind {
  std::string backend;
  Codec codec = Codec::kH264;
  FrameMemory memory = FrameMemory::kHost;  // of the pictures
  Chroma chroma = Chroma::k420;
  unsigned bit_depth = 8;
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

#ifndef LUMEN_LONG_TESTS
// A small picture has more detail in a pixel, and the first one must fit into the buffer.
constexpr Extent kSize{640, 360};
constexpr std::uint64_t kBitrate = 8'000'000;
#else
constexpr Extent kSize{1920, 1080};
constexpr std::uint64_t kBitrate = 20'000'000;
#endif
constexpr Extent kSmall{640, 360};

EncoderSettings settings_of(const Kind& kind, Extent size = kSmall) {
  EncoderSettings settings;
  settings.codec = kind.codec;
  settings.chroma = kind.chroma;
  settings.bit_depth = kind.bit_depth;
  settings.size = size;
  settings.rate = {60, 1};
  settings.bitrate_bps = 4'000'000;
  return settings;
}

class EncoderContract : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    machine_.start();
    if (GetParam().codec == Codec::kAv1) {
      ASSERT_TRUE(machine_.nvenc.set_gpu("ada"));
    }
  }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    machine_.finish();
  }
  void open(const EncoderSettings& settings) {
    const auto opened = fixture_.open(GetParam().backend, settings);
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  void encode(std::uint32_t n, const EncodeRequest& request = {}) {
    const auto done = fixture_.encode(n, request, GetParam().memory);
    ASSERT_TRUE(done) << n << ": " << done.error().describe();
  }
  std::vector<EncodedFrame> flush() {
    const auto done = fixture_.encoder->flush();
    EXPECT_TRUE(done) << done.error().describe();
    return fixture_.take();
  }
  static EncodeRequest key(bool wanted = true) { return EncodeRequest::key_frame(wanted); }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

TEST_P(EncoderContract, EveryPictureComesOutOnceAndLooksLikeItWentIn) {
  EncoderSettings settings = settings_of(GetParam(), kSize);
  settings.bitrate_bps = kBitrate;
  open(settings);
  for (std::uint32_t n = 0; n < 120; ++n) encode(n, key(n == 0));
  const auto frames = flush();
  ASSERT_EQ(frames.size(), 120u);
  for (std::uint32_t n = 0; n < 120; ++n) {
    EXPECT_EQ(frames[n].pts, EncoderFixture::time_of(n));
    EXPECT_EQ(frames[n].times.id, n);
    EXPECT_TRUE(frames[n].times.has(Stage::kSubmitted));
    EXPECT_TRUE(frames[n].times.has(Stage::kEncoded));
    EXPECT_EQ(frames[n].key, n == 0) << n;
  }
  const auto pictures = test::play(GetParam().codec, frames);
  ASSERT_EQ(pictures.size(), 120u);
  double worst = 100;
  for (std::uint32_t n = 0; n < 120; ++n) {
    ASSERT_EQ(pictures[n].number(), n);
    const double quality = test::psnr(pictures[n], fixture_.original(n));
    EXPECT_GE(quality, 35.0) << n << ": " << frames[n].data.view().size() << " bytes";
    worst = std::min(worst, quality);
  }
  RecordProperty("worst_psnr", std::to_string(worst));
  EXPECT_EQ(pictures[5].color_primaries, 1);
  EXPECT_EQ(pictures[5].color_transfer, 1);
  EXPECT_EQ(pictures[5].color_matrix, 1);
  EXPECT_FALSE(pictures[5].full_range);
  EXPECT_EQ(pictures[5].bit_depth, GetParam().bit_depth);
  // Zero where the planes are not as large.
  EXPECT_GE(test::chroma_psnr(pictures[5], fixture_.original(5)), 28);
}

TEST_P(EncoderContract, KeyFramesComeWhereTheyAreAskedForAndNowhereElse) {
  open(settings_of(GetParam()));
  const auto wanted = [](std::uint32_t n) { return n == 0 || n == 31 || n == 32 || n == 60; };
  for (std::uint32_t n = 0; n < 90; ++n) encode(n, key(wanted(n)));
  const auto frames = flush();
  ASSERT_EQ(frames.size(), 90u);
  for (std::uint32_t n = 0; n < 90; ++n) EXPECT_EQ(frames[n].key, wanted(n)) << n;
  // A receiver that comes late starts at any of them.
  const std::vector<EncodedFrame> late(frames.begin() + 32, frames.end());
  const auto pictures = test::play(GetParam().codec, late);
  ASSERT_EQ(pictures.size(), late.size());
  for (std::uint32_t n = 0; n < pictures.size(); ++n) EXPECT_EQ(pictures[n].number(), n + 32);
}

TEST_P(EncoderContract, ParameterSetsStandApartFromThePictures) {
  if (GetParam().codec == Codec::kAv1) {
    open(settings_of(GetParam()));
    for (std::uint32_t n = 0; n < 3; ++n) encode(n, key());
    const auto& header = fixture_.encoder->stream()->parameter_sets;
    ASSERT_FALSE(header.empty());
    for (const EncodedFrame& frame : flush()) {
      EXPECT_EQ(pure_parameter_sets(Codec::kAv1, frame.data.view()), header);
      const auto first = ObuReader(frame.data.view()).next();
      ASSERT_TRUE(first);
      EXPECT_NE(first->type, ObuType::kTemporalDelimiter);
    }
    return;
  }
  open(settings_of(GetParam()));
  for (std::uint32_t n = 0; n < 3; ++n) encode(n, key());
  const Codec codec = GetParam().codec;
  unsigned sets = 0;
  NalReader header(fixture_.encoder->stream()->parameter_sets);
  while (const auto nal = header.next()) sets += is_parameter_set(codec, *nal) ? 1 : 100;
  EXPECT_EQ(sets, codec == Codec::kH264 ? 2u : 3u);
  for (const EncodedFrame& frame : flush()) {
    NalReader reader(frame.data.view());
    while (const auto nal = reader.next()) EXPECT_FALSE(is_parameter_set(codec, *nal));
  }
}

TEST_P(EncoderContract, ANewBitRateIsKeptWithinASecond) {
  open(settings_of(GetParam()));
  if (!fixture_.encoder->capabilities().change_bitrate) GTEST_SKIP() << "can't change its rate";
  for (std::uint32_t n = 0; n < 120; ++n) encode(n, key(n == 0));
  const auto changed = fixture_.encoder->reconfigure({.bitrate_bps = 1'000'000});
  ASSERT_TRUE(changed) << changed.error().describe();
  for (std::uint32_t n = 120; n < 300; ++n) encode(n);
  const auto frames = flush();
  ASSERT_EQ(frames.size(), 300u);
  const auto bits = [&](std::size_t from, std::size_t to) {
    std::size_t bytes = 0;
    for (std::size_t i = from; i < to; ++i) bytes += frames[i].data.view().size();
    return static_cast<double>(bytes) * 8;
  };
  EXPECT_GT(bits(60, 120), 1.5e6) << "the picture is worth more than the new rate";
  EXPECT_LT(bits(180, 240), 1.05e6);
  EXPECT_LT(bits(240, 300), 1.05e6);
  const auto pictures = test::play(GetParam().codec, frames);
  ASSERT_EQ(pictures.size(), 300u);
  for (std::uint32_t n = 0; n < 300; ++n) EXPECT_EQ(pictures[n].number(), n);
}

TEST_P(EncoderContract, ANewSizeBeginsWithAKeyFrameOfThatSize) {
  EncoderSettings settings = settings_of(GetParam());
  settings.max_size = {1280, 720};
  open(settings);
  if (!fixture_.encoder->capabilities().change_size) GTEST_SKIP() << "can't change its size";
  std::uint32_t n = 0;
  std::vector<EncodedFrame> all;
  for (const Extent size : {kSmall, Extent{1280, 720}, Extent{320, 180}}) {
    if (n > 0) {
      const auto before = fixture_.encoder->stream();
      const auto changed = fixture_.encoder->reconfigure({.size = size});
      ASSERT_TRUE(changed) << changed.error().describe();
      EXPECT_NE(fixture_.encoder->stream(), before);
      EXPECT_EQ(fixture_.encoder->stream()->size, size);
      fixture_.draw(size);
    }
    for (int i = 0; i < 20; ++i) encode(n++);
  }
  const auto frames = flush();
  ASSERT_EQ(frames.size(), 60u);
  for (std::uint32_t i = 0; i < 60; ++i) EXPECT_EQ(frames[i].key, i % 20 == 0) << i;
  const auto pictures = test::play(GetParam().codec, frames);
  ASSERT_EQ(pictures.size(), 60u);
  EXPECT_EQ(pictures[25].size, (Extent{1280, 720}));
  EXPECT_EQ(pictures[45].size, (Extent{320, 180}));
  for (std::uint32_t i = 0; i < 60; ++i) EXPECT_EQ(pictures[i].number(), i);

  const auto too_large = fixture_.encoder->reconfigure({.size = Extent{4096, 2160}});
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().kind, ErrorKind::kUnsupported);
}

TEST_P(EncoderContract, ConstantQualitySpendsBitsOnDetail) {
  EncoderSettings fine = settings_of(GetParam());
  EncoderSettings coarse = fine;
  fine.constant_qp = 16;
  coarse.constant_qp = 36;
  std::array<std::size_t, 2> bytes{};
  for (std::size_t i = 0; i < 2; ++i) {
    open(i == 0 ? fine : coarse);
    for (std::uint32_t n = 0; n < 10; ++n) encode(n, key(n == 0));
    const auto frames = flush();
    ASSERT_EQ(frames.size(), 10u);
    for (const EncodedFrame& frame : frames) bytes[i] += frame.data.view().size();
    const auto pictures = test::play(GetParam().codec, frames);
    ASSERT_EQ(pictures.size(), 10u);
    const double quality = test::psnr(pictures[9], fixture_.original(9));
    // One scale for all codecs: AV1 has others.
    if (i == 0) {
      EXPECT_GE(quality, 40);
    } else {
      EXPECT_GE(quality, 25);
      EXPECT_LE(quality, 38);
    }
    fixture_.close();
  }
  EXPECT_GT(bytes[0], 3 * bytes[1]);
}

TEST_P(EncoderContract, OddAndHugeSizesAreRefusedWithAReason) {
  for (const Extent size : {Extent{641, 360}, Extent{640, 361}, Extent{}}) {
    const auto opened = fixture_.open(GetParam().backend, settings_of(GetParam(), size));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::kInvalidArgument) << opened.error().describe();
  }
  EncoderSettings level = settings_of(GetParam());
  if (GetParam().codec == Codec::kAv1) return;
  level.level = "9.9";
  EXPECT_FALSE(fixture_.open(GetParam().backend, level));
}

// A screen that is still, or whose pointer moves alone, is encoded from the same memory again while
// the chip still reads it.
TEST_P(EncoderContract, TheSamePictureMayBeOnItsWaySeveralTimes) {
  open(settings_of(GetParam()));
  auto frame = fixture_.picture(7, GetParam().memory);
  ASSERT_TRUE(frame) << frame.error().describe();
  for (std::uint32_t n = 0; n < 12; ++n) {
    const auto done = fixture_.encoder->encode(*frame, EncoderFixture::time_of(n), key(n == 0));
    ASSERT_TRUE(done) << n << ": " << done.error().describe();
  }
  const auto frames = flush();
  ASSERT_EQ(frames.size(), 12u);
  const auto pictures = test::play(GetParam().codec, frames);
  ASSERT_EQ(pictures.size(), 12u);
  for (const auto& picture : pictures) EXPECT_EQ(picture.number(), 7u);
}

TEST_P(EncoderContract, IsClosedWithPicturesInsideWithoutALeak) {
  open(settings_of(GetParam()));
  for (std::uint32_t n = 0; n < 5; ++n) encode(n, key(n == 0));
  fixture_.close();  // TearDown looks for what is left
}

Kind software(Codec codec, Chroma chroma, unsigned bit_depth) {
  return {"software", codec, FrameMemory::kHost, chroma, bit_depth};
}

INSTANTIATE_TEST_SUITE_P(
    Backends, EncoderContract,
    testing::Values(Kind{"nvenc", Codec::kH264, FrameMemory::kCuda},
                    Kind{"nvenc", Codec::kHevc, FrameMemory::kCuda},
                    Kind{"nvenc", Codec::kH264, FrameMemory::kHost},
                    Kind{"ffmpeg-nvenc", Codec::kH264, FrameMemory::kCuda},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, FrameMemory::kCuda},
                    Kind{"ffmpeg-nvenc", Codec::kH264, FrameMemory::kHost},
                    Kind{"nvenc", Codec::kH264, FrameMemory::kCuda, Chroma::k444},
                    Kind{"nvenc", Codec::kHevc, FrameMemory::kHost, Chroma::k444, 10},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, FrameMemory::kCuda, Chroma::k420, 10},
                    Kind{"software", Codec::kH264}, Kind{"software", Codec::kHevc},
                    Kind{"software", Codec::kAv1}, software(Codec::kH264, Chroma::k444, 8),
                    software(Codec::kH264, Chroma::k420, 10),
                    software(Codec::kH264, Chroma::k444, 10),
                    software(Codec::kHevc, Chroma::k444, 8),
                    software(Codec::kHevc, Chroma::k420, 10),
                    software(Codec::kHevc, Chroma::k444, 10)),
    [](const auto& each) { return name_of(each.param); });

#if NVENCAPI_MAJOR_VERSION >= 12
INSTANTIATE_TEST_SUITE_P(Av1, EncoderContract,
                         testing::Values(Kind{"nvenc", Codec::kAv1, FrameMemory::kCuda},
                                         Kind{"nvenc", Codec::kAv1, FrameMemory::kHost},
                                         Kind{"ffmpeg-nvenc", Codec::kAv1, FrameMemory::kCuda},
                                         Kind{"ffmpeg-nvenc", Codec::kAv1, FrameMemory::kHost}),
                         [](const auto& each) { return name_of(each.param); });
#endif

}  // namespace
}  // namespace lumen
