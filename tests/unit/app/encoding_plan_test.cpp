#include "app/options/encoding_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/options/value_parsers.h"

namespace lumen {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

EncodingPlan plan(const StreamOptions& options) {
  auto made = plan_encoding(options);
  EXPECT_TRUE(made) << made.error().describe();
  return made.value_or(EncodingPlan{});
}

TEST(EncodingPlan, LatencyIsTheDefault) {
  const EncodingPlan made = plan({});
  EXPECT_EQ(made.video.codec, Codec::kH264);
  EXPECT_FALSE(made.video.constant_qp);
  EXPECT_EQ(made.video.bitrate_bps, 20'000'000U);
  EXPECT_EQ(made.video.vbv_frames, 1.5);
  EXPECT_EQ(made.video.recovery, Recovery::kAuto);
  EXPECT_EQ(made.video.slices, 1U);
  EXPECT_FALSE(made.video.in_place);
  EXPECT_EQ(made.schedule, KeyFrameSchedule::kAsSinksNeed);
  EXPECT_EQ(made.repairs.max_interval, seconds{2});
}

TEST(EncodingPlan, QualityIsAConstantQuantizerAndAKeyFrameEveryTwoSeconds) {
  for (const auto& [quality, qp] : {std::pair{Quality::kLow, 28U},
                                    {Quality::kMedium, 24U},
                                    {Quality::kHigh, 20U},
                                    {Quality::kLosslessLike, 16U}}) {
    const EncodingPlan made = plan({.quality = quality});
    EXPECT_EQ(made.video.constant_qp, qp);
    EXPECT_EQ(made.schedule, KeyFrameSchedule::kPeriodic);
    EXPECT_EQ(made.repairs.max_interval, seconds{2});
  }
}

TEST(EncodingPlan, EveryKnobOverridesThePurpose) {
  const EncodingPlan bitrate = plan({.quality = Quality::kHigh, .bitrate_bps = 5'000'000});
  EXPECT_FALSE(bitrate.video.constant_qp);
  EXPECT_EQ(bitrate.video.bitrate_bps, 5'000'000U);
  EXPECT_EQ(bitrate.schedule, KeyFrameSchedule::kPeriodic);
  EXPECT_EQ(plan({.quality = Quality::kHigh, .qp = 30}).video.constant_qp, 30U);
  EXPECT_EQ(plan({.qp = 0}).video.constant_qp, 0U);
  EXPECT_EQ(plan({.vbv_frames = 4}).video.vbv_frames, 4);
  const EncodingPlan infinite = plan({.quality = Quality::kHigh, .key_interval = kInfinite});
  EXPECT_EQ(infinite.schedule, KeyFrameSchedule::kOnDemand);
  const EncodingPlan five = plan({.key_interval = seconds{5}});
  EXPECT_EQ(five.schedule, KeyFrameSchedule::kPeriodic);
  EXPECT_EQ(five.repairs.max_interval, seconds{5});
  const EncodingPlan rest = plan({.recovery = Recovery::kIntraRefresh,
                                  .refresh_frames = 12,
                                  .slices = 3,
                                  .entropy = EntropyCoder::kCavlc,
                                  .chroma = Chroma::k444,
                                  .bit_depth = 10,
                                  .in_place = true,
                                  .fps = {30, 1}});
  EXPECT_EQ(rest.video.recovery, Recovery::kIntraRefresh);
  EXPECT_EQ(rest.video.refresh_frames, 12U);
  EXPECT_EQ(rest.video.slices, 3U);
  EXPECT_EQ(rest.video.entropy, EntropyCoder::kCavlc);
  EXPECT_EQ(rest.video.chroma, Chroma::k444);
  EXPECT_EQ(rest.video.bit_depth, 10U);
  EXPECT_TRUE(rest.video.in_place);
  EXPECT_EQ(rest.video.rate, (FrameRate{30, 1}));
  EXPECT_EQ(rest.repairs.rate, (FrameRate{30, 1}));
}

TEST(EncodingPlan, SubFrameNeedsSlices) {
  EXPECT_EQ(plan({.sub_frame = true}).video.slices, 4U);
  EXPECT_EQ(plan({.slices = 2, .sub_frame = true}).video.slices, 2U);
  EXPECT_FALSE(plan_encoding({.slices = 1, .sub_frame = true}));
}

TEST(EncodingPlan, WishesThatExcludeEachOtherAreErrorsThatSayWhatToDo) {
  for (const StreamOptions& options :
       {StreamOptions{.bitrate_bps = 1'000'000, .qp = 20},
        StreamOptions{.quality = Quality::kLow, .vbv_frames = 2},
        StreamOptions{.entropy = EntropyCoder::kCabac, .profile = Profile::kBaseline},
        StreamOptions{.profile = Profile::kMain, .chroma = Chroma::k444},
        StreamOptions{.profile = Profile::kHigh, .bit_depth = 10}}) {
    const auto made = plan_encoding(options);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_FALSE(made.error().hint.empty()) << made.error().message;
  }
}

// A longer one would cost more with each picture that it holds.
TEST(EncodingPlan, AdaptationLooksAtSomeTimeButNotAtAllOfIt) {
  for (const Nanoseconds window : {Nanoseconds{0}, Nanoseconds{seconds{3600}}}) {
    const auto refused = plan_encoding({.adaptation = {.window = window}});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("--adapt-window"));
  }
  EXPECT_TRUE(plan_encoding({.adaptation = {.window = seconds{60}}}));
}

TEST(EncodingPlan, TenBitsAreAWishWhereTheSourceDecides) {
  const auto wish = [](const StreamOptions& options) { return plan(options).video; };
  EXPECT_TRUE(wish({.codec = Codec::kHevc}).depth_is_wish);
  EXPECT_EQ(wish({.codec = Codec::kHevc}).bit_depth, 10U);
  EXPECT_TRUE(wish({.codec = Codec::kAv1}).depth_is_wish);
  for (const StreamOptions& eight :
       {StreamOptions{}, StreamOptions{.codec = Codec::kHevc, .bit_depth = 8},
        StreamOptions{.sinks = {"web"}, .codec = Codec::kHevc},
        StreamOptions{.codec = Codec::kHevc, .profile = Profile::kMain},
        StreamOptions{.codec = Codec::kHevc, .in_place = true}}) {
    EXPECT_EQ(wish(eight).bit_depth, 8U);
    EXPECT_FALSE(wish(eight).depth_is_wish);
  }
  EXPECT_EQ(wish({.bit_depth = 10}).bit_depth, 10U);
  EXPECT_FALSE(wish({.codec = Codec::kHevc, .bit_depth = 10}).depth_is_wish)
      << "whoever asks for ten bits gets them, or an error";
}

TEST(EncodingPlan, BrowsersGetConstrainedBaselineUnlessToldOtherwise) {
  const std::vector<std::string> web = {"file:a.mp4", "web"};
  EXPECT_EQ(plan({.sinks = web}).video.profile, Profile::kBaseline);
  EXPECT_EQ(plan({.sinks = web, .profile = Profile::kHigh}).video.profile, Profile::kHigh);
  EXPECT_EQ(plan({.sinks = web, .entropy = EntropyCoder::kCabac}).video.profile, Profile::kAuto);
  EXPECT_EQ(plan({.sinks = web, .chroma = Chroma::k444}).video.profile, Profile::kAuto);
  EXPECT_EQ(plan({.sinks = {"rtp:127.0.0.1:5004"}}).video.profile, Profile::kAuto);
  EXPECT_EQ(plan({.sinks = web, .codec = Codec::kAv1}).video.profile, Profile::kAuto);
  const auto hevc = plan_encoding({.sinks = {"whip:http://h/"}, .codec = Codec::kHevc});
  ASSERT_FALSE(hevc);
  EXPECT_THAT(hevc.error().describe(), HasSubstr("H.264"));
}

}  // namespace
}  // namespace lumen
