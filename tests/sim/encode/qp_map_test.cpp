// Parts of a picture that matter more than others. On the NVENC stand-in.
#include <cmath>
#include <string>

#include "encode/nvenc/driver.h"
#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"

namespace lumen {
namespace {

using test::EncoderFixture;

constexpr Extent kSize{640, 360};
constexpr std::uint32_t kPictures = 60;

struct Kind {
  Codec codec = Codec::kH264;
  QpMapKind map = QpMapKind::kDeltas;
  unsigned block = 16;
};
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << to_string(kind.codec) << (kind.map == QpMapKind::kDeltas ? " deltas" : " emphasis");
}

class QpMaps : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { machine_.start(); }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    machine_.finish();
  }
  void open() {
    EncoderSettings settings;
    settings.codec = GetParam().codec;
    settings.size = kSize;
    settings.bitrate_bps = 1'200'000;
    settings.qp_map = GetParam().map;
    const auto opened = fixture_.open("nvenc", settings);
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  static unsigned columns() { return (kSize.width + GetParam().block - 1) / GetParam().block; }
  static unsigned rows() { return (kSize.height + GetParam().block - 1) / GetParam().block; }
  /// One value on the left, another one on the right.
  static std::shared_ptr<QpMap> map(int left, int right) {
    auto map = std::make_shared<QpMap>();
    map->block = GetParam().block;
    for (unsigned i = 0; i < columns() * rows(); ++i) {
      map->deltas.push_back(static_cast<std::int8_t>(i % columns() < columns() / 2 ? left : right));
    }
    return map;
  }

  struct Quality {
    double left = 0;
    double right = 0;
    double bits = 0;
  };
  /// Mean squared errors of the last second's halves, as PSNR. The map is the test's no more once
  /// encode() is back.
  Quality stream(int left, int right) {
    open();
    EXPECT_EQ(fixture_.encoder->capabilities().qp_block, GetParam().block);
    for (std::uint32_t n = 0; n < kPictures; ++n) {
      EncodeRequest request = EncodeRequest::key_frame(n == 0);
      if (left != 0 || right != 0) request.qp_map = map(left, right);
      const auto done = fixture_.encode(n, request);
      EXPECT_TRUE(done) << done.error().describe();
    }
    EXPECT_TRUE(fixture_.encoder->flush());
    const auto frames = fixture_.take();
    Quality quality;
    for (const auto& frame : frames) quality.bits += 8 * double(frame.data.view().size());
    const auto pictures = test::play(GetParam().codec, frames);
    EXPECT_EQ(pictures.size(), kPictures);
    double errors[2] = {0, 0};
    for (std::uint32_t n = kPictures / 2; n < pictures.size(); ++n) {
      const Frame original = fixture_.original(n);
      const auto& image = std::get<CpuImage>(original.payload);
      for (unsigned y = 0; y < kSize.height; ++y) {
        const auto* row = image.planes[0] + std::size_t{y} * image.pitches[0].bytes;
        for (unsigned x = 0; x < kSize.width; ++x) {
          const double off = double(row[x]) - pictures[n].luma[std::size_t{y} * kSize.width + x];
          errors[x < kSize.width / 2 ? 0 : 1] += off * off;
        }
      }
    }
    const double samples = double(kSize.width) / 2 * kSize.height * (kPictures - kPictures / 2);
    quality.left = 10 * std::log10(255.0 * 255 / (errors[0] / samples));
    quality.right = 10 * std::log10(255.0 * 255 / (errors[1] / samples));
    fixture_.close();
    return quality;
  }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

TEST_P(QpMaps, MarkedBlocksLookBetterAtTheSameRate) {
  const bool emphasis = GetParam().map == QpMapKind::kEmphasis;
  const Quality plain = stream(0, 0);
  const Quality left = emphasis ? stream(5, 0) : stream(-8, 4);
  const Quality right = emphasis ? stream(0, 5) : stream(4, -8);
  // One half is costlier than the other: at the same rate it can gain little by itself.
  EXPECT_GT(left.left, plain.left + 1);
  EXPECT_GT(left.left - left.right, plain.left - plain.right + 2);
  EXPECT_GT(right.right - right.left, plain.right - plain.left + 2);
  for (const Quality& marked : {left, right}) EXPECT_NEAR(marked.bits / plain.bits, 1, 0.15);
  RecordProperty("left_db", std::to_string(left.left - plain.left));
  RecordProperty("right_db", std::to_string(right.right - plain.right));
}

TEST_P(QpMaps, AMapThatDoesNotFitIsRefusedAndThePictureCanComeAgain) {
  open();
  const auto refused = [&](const std::shared_ptr<QpMap>& map) {
    EncodeRequest request;
    request.qp_map = map;
    const auto done = fixture_.encode(0, request);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::kInvalidArgument) << done.error().describe();
  };
  auto small = map(0, 0);
  small->deltas.pop_back();
  refused(small);
  auto coarse = map(0, 0);
  coarse->block *= 2;
  refused(coarse);
  refused(map(GetParam().map == QpMapKind::kEmphasis ? 6 : 60, 0));
  ASSERT_TRUE(fixture_.encode(0));
  ASSERT_TRUE(fixture_.encoder->flush());
  EXPECT_EQ(fixture_.take().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, QpMaps,
                         testing::Values(Kind{Codec::kH264, QpMapKind::kDeltas, 16},
                                         Kind{Codec::kHevc, QpMapKind::kDeltas, 32},
                                         Kind{Codec::kH264, QpMapKind::kEmphasis, 16}));

class NoEmphasis : public QpMaps {};

TEST_P(NoEmphasis, IsNotOfferedWhereTheChipOrTheCodecHasNone) {
  if (GetParam().codec == Codec::kH264) {
    machine_.nvenc.hide_capability(NV_ENC_CAPS_SUPPORT_EMPHASIS_LEVEL_MAP);
  }
  open();
  EXPECT_EQ(fixture_.encoder->capabilities().qp_block, 0u);
  EncodeRequest request;
  request.qp_map = map(1, 1);
  EXPECT_FALSE(fixture_.encode(0, request));
  EXPECT_TRUE(fixture_.encode(0));
}

INSTANTIATE_TEST_SUITE_P(Kinds, NoEmphasis,
                         testing::Values(Kind{Codec::kH264, QpMapKind::kEmphasis, 16},
                                         Kind{Codec::kHevc, QpMapKind::kEmphasis, 32}));

}  // namespace
}  // namespace lumen
