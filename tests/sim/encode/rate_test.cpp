// How exactly encoders keep to their bit rate when there is more detail than it has room for. On
// the NVENC stand-in for NVENC's backends.
#include <algorithm>
#include <string>
#include <vector>

#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"
#include "support/noisy_frames.h"

namespace lumen {
namespace {

using test::EncoderFixture;

constexpr Extent kSize{640, 360};
constexpr std::uint64_t kBitrate = 4'000'000;
constexpr std::size_t kSecond = 60;  // frames

struct Way {
  std::string backend;
  Codec codec = Codec::kH264;
  double least = 0.90;  // of the target
};
void PrintTo(const Way& way, std::ostream* out) {
  *out << way.backend << " " << to_string(way.codec);
}

class Rate : public testing::TestWithParam<Way> {
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
    settings.rate = {60, 1};
    settings.bitrate_bps = kBitrate;
    settings.vbv_frames = 1.5;
    const auto opened = fixture_.open(GetParam().backend, settings);
    ASSERT_TRUE(opened) << opened.error().describe();
    noise_.emplace(fixture_.encoder->input().format, kSize);
  }
  /// Bits of pictures `from` to `to`.
  void encode(std::uint32_t from, std::uint32_t to, std::uint32_t key_interval) {
    for (std::uint32_t n = from; n < to; ++n) {
      const auto done = fixture_.encoder->encode(noise_->at(n), EncoderFixture::time_of(n),
                                                 EncodeRequest::key_frame(n % key_interval == 0));
      ASSERT_TRUE(done) << done.error().describe();
    }
  }
  std::vector<double> bits() {
    const auto flushed = fixture_.encoder->flush();
    EXPECT_TRUE(flushed) << flushed.error().describe();
    std::vector<double> sizes;
    for (const EncodedFrame& frame : fixture_.take()) {
      sizes.push_back(static_cast<double>(frame.data.view().size()) * 8);
    }
    return sizes;
  }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
  std::optional<test::NoisyFrames> noise_;
};

void expect_rate(const std::vector<double>& bits, std::size_t from, double rate, double least) {
  for (std::size_t i = from; i + kSecond <= bits.size(); ++i) {
    double sum = 0;
    for (std::size_t n = i; n < i + kSecond; ++n) sum += bits[n];
    ASSERT_LE(sum, rate * 1.05) << "the second from picture " << i;
    ASSERT_GE(sum, rate * least) << "the second from picture " << i;
  }
}

TEST_P(Rate, AfterTheFirstSecondNoSecondStraysFromTheTarget) {
  open();
  encode(0, 300, 120);
  const auto sizes = bits();
  ASSERT_EQ(sizes.size(), 300u);
  expect_rate(sizes, kSecond, kBitrate, GetParam().least);
}

TEST_P(Rate, NoPictureIsLargerThanTwiceTheAverage) {
  open();
  encode(0, 300, 120);
  const auto sizes = bits();
  ASSERT_EQ(sizes.size(), 300u);
  const double average = static_cast<double>(kBitrate) / kSecond;
  for (std::size_t n = 0; n < sizes.size(); ++n) EXPECT_LE(sizes[n], average * 2) << n;
}

TEST_P(Rate, ANewRateIsKeptASecondLaterWithoutAKeyFrame) {
  open();
  encode(0, 120, 1000);
  const auto changed = fixture_.encoder->reconfigure({.bitrate_bps = kBitrate / 2});
  ASSERT_TRUE(changed) << changed.error().describe();
  encode(120, 300, 1000);
  const auto sizes = bits();
  ASSERT_EQ(sizes.size(), 300u);
  expect_rate(sizes, 180, kBitrate / 2.0, GetParam().least);
}

INSTANTIATE_TEST_SUITE_P(Ways, Rate,
                         testing::Values(Way{"software", Codec::kH264},
                                         Way{"software", Codec::kHevc},
                                         Way{"nvenc", Codec::kH264}));

}  // namespace
}  // namespace lumen
