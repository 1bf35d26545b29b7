// Encoders that are told what has changed: less work, the same picture.
#include <string>
#include <vector>

#include "encode/software/software_backend.h"
#include "support/desktop_frames.h"
#include "support/test_frames.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

constexpr Extent kSize{640, 360};

EncoderSettings settings_of(Extent size = kSize) {
  EncoderSettings settings;
  settings.size = size;
  settings.max_size = {1280, 720};
  settings.bitrate_bps = 6'000'000;
  return settings;
}

Timestamp time_of(std::uint32_t n) {
  return Timestamp{std::chrono::hours{1}} + frame_offset({60, 1}, n);
}

enum class Told { kWindow, kNothing };

/// One encoder, its screen, and what came out.
class Screen {
 public:
  explicit Screen(const EncoderSettings& settings) {
    auto opened =
        software::create(settings, {}, [this](EncodedFrame frame) { out.push_back(frame); });
    if (opened) encoder = std::move(*opened);
    resize(settings.size);
  }
  void resize(Extent size) { desktop_.emplace(encoder->input().format, size); }

  Frame frame(std::uint32_t n, Told told) const {
    Frame frame = desktop_->at(n);
    if (told == Told::kWindow) {
      frame.damage = Damage::nothing();
      frame.damage.add(desktop_->window());
    }
    return frame;
  }
  void encode(std::uint32_t n, Told told, const EncodeRequest& request = {}) {
    encode(n, frame(n, told), request);
  }
  void encode(std::uint32_t n, const Frame& frame, const EncodeRequest& request = {}) {
    const auto done = encoder->encode(frame, time_of(n), request);
    ASSERT_TRUE(done) << done.error().describe();
    given.push_back(frame);
  }

  std::unique_ptr<VideoEncoder> encoder;
  std::vector<EncodedFrame> out;
  std::vector<Frame> given;

 private:
  std::optional<test::DesktopFrames> desktop_;
};

TEST(SoftwareDamage, ThePictureIsAsGoodAsWithoutIt) {
  std::vector<double> told;
  std::vector<double> blind;
  for (auto* const result : {&told, &blind}) {
    Screen screen(settings_of());
    ASSERT_TRUE(screen.encoder->capabilities().damage);
    for (std::uint32_t n = 0; n < 120; ++n) {
      screen.encode(n, result == &told ? Told::kWindow : Told::kNothing,
                    EncodeRequest::key_frame(n % 60 == 0));
    }
    const auto pictures = test::play(Codec::kH264, screen.out);
    ASSERT_EQ(pictures.size(), 120u);
    for (std::uint32_t n = 0; n < 120; ++n) {
      result->push_back(test::psnr(pictures[n], screen.given[n]));
    }
  }
  double told_sum = 0;
  double blind_sum = 0;
  for (std::size_t n = 0; n < told.size(); ++n) {
    told_sum += told[n];
    blind_sum += blind[n];
  }
  EXPECT_GE(told_sum / 120, blind_sum / 120 - 0.5);
  EXPECT_GE(told.back(), blind.back() - 0.5);
}

TEST(SoftwareDamage, WhatIsSaidToBeUnchangedIsNotLookedAt) {
  EncoderSettings settings = settings_of();
  settings.constant_qp = 24;
  Screen screen(settings);
  screen.encode(0, Told::kNothing, EncodeRequest::key_frame());
  Frame lie = screen.frame(9, Told::kNothing);
  lie.damage = Damage::nothing();
  screen.encode(1, lie);
  const auto pictures = test::play(Codec::kH264, screen.out);
  ASSERT_EQ(pictures.size(), 2u);
  EXPECT_EQ(test::psnr(pictures[1], pictures[0]), 100) << "the picture was compared all the same";
  EXPECT_LT(screen.out[1].data.view().size(), 100u);
}

TEST(SoftwareDamage, ADamagedBlockIsCodedToItsLastRowAndColumn) {
  EncoderSettings settings = settings_of();
  settings.constant_qp = 20;
  Screen screen(settings);
  screen.encode(0, Told::kNothing, EncodeRequest::key_frame());
  for (std::uint32_t n = 1; n < 30; ++n) screen.encode(n, Told::kWindow);
  const auto pictures = test::play(Codec::kH264, screen.out);
  ASSERT_EQ(pictures.size(), 30u);
  EXPECT_GE(test::psnr(pictures[29], screen.given[29]), 38);
}

TEST(SoftwareDamage, IsRightAcrossKeyFramesLossesSizesAndRefusedFrames) {
  EncoderSettings settings = settings_of();
  settings.bitrate_bps = 20'000'000;
  settings.vbv_frames = 6;  // room for whole screens of text
  Screen screen(settings);
  std::uint32_t n = 0;
  const auto run = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i, ++n) screen.encode(n, Told::kWindow);
  };
  screen.encode(n++, Told::kWindow);  // the first knows of no picture before it
  run(9);
  screen.encode(n++, Told::kWindow, EncodeRequest::key_frame());
  run(9);
  screen.encode(n, Told::kWindow,
                {.repair = EncodeRequest::Repair::kInvalidate, .lost_from = time_of(n - 3)});
  ++n;
  run(9);
  // Refused: what the next one differs from was never coded.
  Frame wrong = screen.frame(n, Told::kWindow);
  std::get<CpuImage>(wrong.payload).format = Fourcc::kI420;
  EXPECT_FALSE(screen.encoder->encode(wrong, time_of(n), {}));
  Frame still = screen.frame(n, Told::kWindow);
  still.damage = Damage::nothing();
  screen.encode(n + 1, still);
  n += 2;
  run(9);
  ASSERT_TRUE(screen.encoder->reconfigure({.size = Extent{1280, 720}}));
  screen.resize({1280, 720});
  run(10);
  ASSERT_TRUE(screen.encoder->reconfigure({.size = kSize}));
  screen.resize(kSize);
  run(10);

  const auto pictures = test::play(Codec::kH264, screen.out);
  ASSERT_EQ(pictures.size(), screen.given.size());
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    EXPECT_GE(test::psnr(pictures[i], screen.given[i]), 22) << "picture " << i;
  }
  EXPECT_GE(test::psnr(pictures[9], screen.given[9]), 30);
  EXPECT_GE(test::psnr(pictures[19], screen.given[19]), 30);
  EXPECT_GE(test::psnr(pictures[29], screen.given[29]), 30);
  EXPECT_GE(test::psnr(pictures[39], screen.given[39]), 30);
}

TEST(SoftwareDamage, AStillScreenCostsAlmostNothing) {
  Screen screen(settings_of());
  Frame still = screen.frame(0, Told::kNothing);
  screen.encode(0, still, EncodeRequest::key_frame());
  still.damage = Damage::nothing();
  for (std::uint32_t n = 1; n < 60; ++n) screen.encode(n, still);
  EXPECT_LT(screen.out.back().data.view().size(), 200u);
  const auto pictures = test::play(Codec::kH264, screen.out);
  ASSERT_EQ(pictures.size(), 60u);
  EXPECT_GE(test::psnr(pictures.back(), still), 35) << "it gets sharp all the same";
}

}  // namespace
}  // namespace lumen
