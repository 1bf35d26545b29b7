// What a receiver sees that lost an access unit and got it repaired without a key frame. On the
// NVENC stand-in for NVENC's backends.
#include <string>
#include <vector>

#include "encode/nvenc/driver.h"
#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"

namespace lumen {
namespace {

using test::EncoderFixture;

constexpr std::uint32_t kLost = 40;
constexpr unsigned kWave = 20;

struct Way {
  std::string backend;
  Codec codec = Codec::kH264;
  Recovery recovery = Recovery::kInvalidation;
  bool long_term = false;  // a chip that can't invalidate, but has long-term references
  Extent size{640, 360};
};
void PrintTo(const Way& way, std::ostream* out) {
  *out << way.backend << " " << to_string(way.codec)
       << (way.long_term                             ? " long-term references"
           : way.recovery == Recovery::kInvalidation ? " invalidation"
                                                     : " intra-refresh");
}

class LossRecovery : public testing::TestWithParam<Way> {
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
    settings.size = GetParam().size;
    settings.bitrate_bps = 6'000'000;
    settings.vbv_frames = 3;
    settings.recovery = GetParam().recovery;
    settings.refresh_frames = kWave;
    if (GetParam().long_term) {
      machine_.nvenc.hide_capability(NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION);
    }
    const auto opened = fixture_.open(GetParam().backend, settings);
    ASSERT_TRUE(opened) << opened.error().describe();
  }
  static bool invalidates() { return GetParam().recovery != Recovery::kIntraRefresh; }
  bool can() const {
    const EncoderCapabilities caps = fixture_.encoder->capabilities();
    return invalidates() ? caps.invalidation : caps.intra_refresh;
  }
  /// 100 pictures; the loss of one is heard of three pictures later.
  std::vector<EncodedFrame> stream() {
    for (std::uint32_t n = 0; n < 100; ++n) {
      EncodeRequest request = EncodeRequest::key_frame(n == 0);
      if (n == kLost + 3) {
        request = invalidates() ? EncodeRequest{.repair = EncodeRequest::Repair::kInvalidate,
                                                .lost_from = EncoderFixture::time_of(kLost)}
                                : EncodeRequest{.repair = EncodeRequest::Repair::kIntraRefresh};
      }
      const auto done = fixture_.encode(n, request);
      EXPECT_TRUE(done) << done.error().describe();
    }
    const auto flushed = fixture_.encoder->flush();
    EXPECT_TRUE(flushed) << flushed.error().describe();
    return fixture_.take();
  }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

TEST_P(LossRecovery, ThePictureIsWholeAgainWithinThePromisedFramesAndWithoutAKeyFrame) {
  open();
  ASSERT_TRUE(can());
  const auto frames = stream();
  ASSERT_EQ(frames.size(), 100u);
  std::optional<std::uint32_t> repaired;
  for (std::uint32_t n = 1; n < 100; ++n) {
    EXPECT_FALSE(frames[n].key) << n;
    if (!repaired && frames[n].repaired) repaired = n;
  }
  ASSERT_TRUE(repaired);
  const std::uint32_t promised = invalidates() ? kLost + 3 : kLost + 3 + kWave - 1;
  EXPECT_LE(*repaired, promised);

  const auto whole = test::play(GetParam().codec, frames);
  ASSERT_EQ(whole.size(), 100u);
  test::PlayerDecoder receiver(GetParam().codec);
  std::uint32_t shown = 0;
  bool damaged = false;
  for (std::uint32_t n = 0; n < 100; ++n) {
    if (n == kLost) continue;
    for (const auto& picture : receiver.decode(frames[n])) {
      // Some decoders make up for the lost one; what is shown last belongs to this access unit.
      const double match = test::psnr(picture, whole[n]);
      if (n > kLost && n < *repaired) damaged = damaged || match < 60;
      // The NVENC stand-in's waves follow one another: one that is asked for begins when the
      // current one is through. NVIDIA's chip begins at once.
      const bool waves_follow =
          GetParam().recovery == Recovery::kIntraRefresh && GetParam().backend != "software";
      const std::uint32_t whole_from = waves_follow ? *repaired + kWave : *repaired;
      if (n < whole_from) continue;
      ++shown;
      if (invalidates()) {
        EXPECT_EQ(match, 100) << "picture " << n << " is not what the encoder made";
      } else {
        // The deblocking filter carries a trace of the old picture over the edge of the wave.
        EXPECT_GE(test::psnr(picture, fixture_.original(n)),
                  test::psnr(whole[n], fixture_.original(n)) - 0.1)
            << "picture " << n;
      }
    }
  }
  EXPECT_TRUE(damaged) << "the loss must be visible until it is repaired, else this proves nothing";
  EXPECT_GE(shown, 100 - *repaired - kWave);
}

// libx264's waves on request take as many pictures as there are columns of macroblocks.
const Way kColumnByColumn{"software", Codec::kH264, Recovery::kIntraRefresh, false,
                          Extent{320, 360}};

INSTANTIATE_TEST_SUITE_P(Ways, LossRecovery,
                         testing::Values(Way{"nvenc", Codec::kH264, Recovery::kInvalidation},
                                         Way{"nvenc", Codec::kH264, Recovery::kIntraRefresh},
                                         Way{"nvenc", Codec::kHevc, Recovery::kIntraRefresh},
                                         Way{"nvenc", Codec::kH264, Recovery::kAuto, true},
                                         // The NVENC stand-in codes HEVC's repair as an intra
                                         // picture, since libx265 can't choose references.
                                         Way{"nvenc", Codec::kHevc, Recovery::kAuto, true},
                                         Way{"software", Codec::kH264, Recovery::kInvalidation},
                                         kColumnByColumn));

TEST_P(LossRecovery, AnswersOfThePolicyAreOnesThatTheEncoderCanGive) {
  if (!invalidates()) GTEST_SKIP() << "a wave can always be started";
  open();
  const EncoderCapabilities caps = fixture_.encoder->capabilities();
  // The oldest loss that the policy would answer so, after any number of pictures.
  for (std::uint32_t n = 0; n < 80; ++n) {
    EncodeRequest request;
    if (n % 20 == 19) {
      request = {.repair = EncodeRequest::Repair::kInvalidate,
                 .lost_from = EncoderFixture::time_of(n - caps.references + 1)};
    }
    ASSERT_TRUE(fixture_.encode(n, request));
  }
  ASSERT_TRUE(fixture_.encoder->flush());
  const auto frames = fixture_.take();
  ASSERT_EQ(frames.size(), 80u);
  for (std::uint32_t n = 1; n < 80; ++n) EXPECT_FALSE(frames[n].key) << n;
}

class TooLate : public LossRecovery {};

TEST_P(TooLate, ALossOlderThanAllReferencesIsAKeyFrame) {
  open();
  for (std::uint32_t n = 0; n < 60; ++n) ASSERT_TRUE(fixture_.encode(n));
  const EncodeRequest old{.repair = EncodeRequest::Repair::kInvalidate,
                          .lost_from = EncoderFixture::time_of(20)};
  ASSERT_TRUE(fixture_.encode(60, old));
  ASSERT_TRUE(fixture_.encoder->flush());
  const auto frames = fixture_.take();
  ASSERT_EQ(frames.size(), 61u);
  EXPECT_FALSE(frames[59].key);
  EXPECT_TRUE(frames[60].key);
  EXPECT_TRUE(frames[60].repaired);
}

INSTANTIATE_TEST_SUITE_P(Ways, TooLate,
                         testing::Values(Way{"nvenc", Codec::kH264, Recovery::kInvalidation},
                                         Way{"nvenc", Codec::kH264, Recovery::kAuto, true},
                                         Way{"software", Codec::kH264, Recovery::kInvalidation}));

}  // namespace
}  // namespace lumen
