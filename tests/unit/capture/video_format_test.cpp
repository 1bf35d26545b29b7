#include "capture/pipewire/video_format.h"

#include <array>

#include <gtest/gtest.h>

#include <spa/param/format-utils.h>
#include <spa/param/video/format-utils.h>
#include <spa/pod/filter.h>

namespace lumen::pipewire {
namespace {

CaptureRequest request_of(std::vector<FormatOffer> offers) {
  return {.offers = std::move(offers), .max_rate = {60, 1}, .preferred_size = {1920, 1080}};
}

/// A producer's fixed Format pod.
class ProducerFormat {
 public:
  ProducerFormat(spa_video_format format, Extent size, std::optional<std::uint64_t> modifier = {},
                 std::uint32_t modifier_flags = 0, std::uint32_t matrix = 0,
                 std::uint32_t range = 0, std::uint32_t primaries = 0, std::uint32_t transfer = 0) {
    spa_pod_builder b{};
    spa_pod_builder_init(&b, storage_.data(), static_cast<std::uint32_t>(storage_.size()));
    spa_pod_frame object;
    spa_pod_builder_push_object(&b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_Format);
    spa_pod_builder_add(&b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video),
                        SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw),
                        SPA_FORMAT_VIDEO_format, SPA_POD_Id(format), 0);
    if (modifier) {
      spa_pod_builder_prop(&b, SPA_FORMAT_VIDEO_modifier, modifier_flags);
      spa_pod_builder_long(&b, static_cast<std::int64_t>(*modifier));
    }
    const spa_rectangle rectangle{size.width, size.height};
    const spa_fraction variable{0, 1};
    const spa_fraction cap{144, 1};
    spa_pod_builder_add(&b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&rectangle),
                        SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&variable),
                        SPA_FORMAT_VIDEO_maxFramerate, SPA_POD_Fraction(&cap), 0);
    const auto add_color = [&b](std::uint32_t key, std::uint32_t value) {
      if (value != 0) spa_pod_builder_add(&b, key, SPA_POD_Id(value), 0);
    };
    add_color(SPA_FORMAT_VIDEO_colorMatrix, matrix);
    add_color(SPA_FORMAT_VIDEO_colorRange, range);
    add_color(SPA_FORMAT_VIDEO_colorPrimaries, primaries);
    add_color(SPA_FORMAT_VIDEO_transferFunction, transfer);
    pod_ = static_cast<spa_pod*>(spa_pod_builder_pop(&b, &object));
  }
  [[nodiscard]] const spa_pod* pod() const { return pod_; }

 private:
  alignas(8) std::array<std::uint8_t, 1024> storage_{};
  spa_pod* pod_ = nullptr;
};

TEST(VideoFormat, EveryFormatSurvivesTheTripThroughSpa) {
  for (const Fourcc format :
       {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA, Fourcc::kNV12, Fourcc::kI420,
        Fourcc::kP010, Fourcc::kXR30, Fourcc::kAR30, Fourcc::kXB30, Fourcc::kAB30}) {
    EXPECT_EQ(from_spa(to_spa(format)), format) << to_string(format);
  }
  EXPECT_EQ(to_spa(Fourcc::kXR30), SPA_VIDEO_FORMAT_xRGB_210LE);
  EXPECT_EQ(to_spa(Fourcc::kAB30), SPA_VIDEO_FORMAT_ABGR_210LE);
  EXPECT_EQ(from_spa(SPA_VIDEO_FORMAT_YUY2), Fourcc::kNone);
}

TEST(VideoFormat, OffersKeepTheirOrderAndModifiersAreAMandatoryUnfixedChoice) {
  FormatPods pods(
      request_of({{Fourcc::kBGRx, {Modifier{0x1234}, kModifierLinear}}, {Fourcc::kBGRx, {}}}),
      MaxFramerate::kOffer);
  ASSERT_EQ(pods.pods().size(), 2U);
  const auto* modifier = spa_pod_find_prop(pods.pods()[0], nullptr, SPA_FORMAT_VIDEO_modifier);
  ASSERT_NE(modifier, nullptr);
  EXPECT_EQ(modifier->flags, SPA_POD_PROP_FLAG_MANDATORY | SPA_POD_PROP_FLAG_DONT_FIXATE);
  std::uint32_t count = 0;
  std::uint32_t choice = 0;
  const spa_pod* values = spa_pod_get_values(&modifier->value, &count, &choice);
  EXPECT_EQ(choice, SPA_CHOICE_Enum);
  ASSERT_EQ(count, 3U) << "the preferred modifier is repeated as the default";
  const auto* list = static_cast<const std::int64_t*>(SPA_POD_BODY_CONST(values));
  EXPECT_EQ(list[0], 0x1234);
  EXPECT_EQ(list[1], 0x1234);
  EXPECT_EQ(list[2], 0);
  EXPECT_EQ(spa_pod_find_prop(pods.pods()[1], nullptr, SPA_FORMAT_VIDEO_modifier), nullptr);
}

TEST(VideoFormat, ASingleModifierIsStillAChoice) {
  FormatPods pods(request_of({{Fourcc::kBGRx, {kModifierLinear}}}), MaxFramerate::kOffer);
  const auto* modifier = spa_pod_find_prop(pods.pods()[0], nullptr, SPA_FORMAT_VIDEO_modifier);
  ASSERT_NE(modifier, nullptr);
  EXPECT_TRUE(spa_pod_is_choice(&modifier->value));
}

TEST(VideoFormat, HundredsOfModifiersFit) {
  FormatOffer offer{Fourcc::kBGRx, {}};
  for (std::uint64_t i = 0; i < 500; ++i) offer.modifiers.push_back(Modifier{i << 32});
  FormatPods pods(request_of({offer}), MaxFramerate::kOffer);
  std::uint32_t count = 0;
  std::uint32_t choice = 0;
  const auto* prop = spa_pod_find_prop(pods.pods()[0], nullptr, SPA_FORMAT_VIDEO_modifier);
  ASSERT_NE(prop, nullptr);
  (void)spa_pod_get_values(&prop->value, &count, &choice);
  EXPECT_EQ(count, 501U);
  EXPECT_NE(spa_pod_find_prop(pods.pods()[0], nullptr, SPA_FORMAT_VIDEO_size), nullptr);
}

TEST(VideoFormat, AVariableRateProducerIntersectsTheOffer) {
  FormatPods pods(request_of({{Fourcc::kBGRx, {}}}), MaxFramerate::kOffer);
  const ProducerFormat producer(SPA_VIDEO_FORMAT_BGRx, {1280, 720});
  alignas(8) std::array<std::uint8_t, 2048> storage{};
  spa_pod_builder b{};
  spa_pod_builder_init(&b, storage.data(), static_cast<std::uint32_t>(storage.size()));
  spa_pod* result = nullptr;
  // maxFramerate 144 lies above our cap of 60: with it, nothing is left; without it, the format is.
  EXPECT_LT(spa_pod_filter(&b, &result, pods.pods()[0], producer.pod()), 0);
  FormatPods without_cap(request_of({{Fourcc::kBGRx, {}}}), MaxFramerate::kOmit);
  spa_pod_builder_init(&b, storage.data(), static_cast<std::uint32_t>(storage.size()));
  EXPECT_GE(spa_pod_filter(&b, &result, without_cap.pods()[0], producer.pod()), 0);
}

TEST(VideoFormat, ASizeThatIsWantedExactlyIsWhatTheProducerOfAnySizeGets) {
  const spa_rectangle wish{800, 600};
  const spa_rectangle own{1280, 720};
  const spa_rectangle least{1, 1};
  const spa_rectangle most{16384, 16384};
  alignas(8) std::array<std::uint8_t, 1024> storage{};
  spa_pod_builder b{};
  spa_pod_builder_init(&b, storage.data(), static_cast<std::uint32_t>(storage.size()));
  const auto* any_size = static_cast<spa_pod*>(spa_pod_builder_add_object(
      &b, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_VIDEO_size,
      SPA_POD_CHOICE_RANGE_Rectangle(&own, &least, &most)));
  CaptureRequest request = request_of({{.format = Fourcc::kBGRx}});
  request.preferred_size = {wish.width, wish.height};
  for (const auto& [how, size] :
       {std::pair{SizeWish::kPreference, own}, {SizeWish::kExactly, wish}}) {
    request.size_wish = how;
    FormatPods offers(request, MaxFramerate::kOffer);
    alignas(8) std::array<std::uint8_t, 4096> met{};
    spa_pod_builder result{};
    spa_pod_builder_init(&result, met.data(), static_cast<std::uint32_t>(met.size()));
    spa_pod* agreed = nullptr;
    ASSERT_GE(spa_pod_filter(&result, &agreed, any_size, offers.pods()[0]), 0);
    spa_pod_object_fixate(reinterpret_cast<spa_pod_object*>(agreed));
    spa_rectangle fixed{};
    ASSERT_GE(spa_pod_parse_object(agreed, SPA_TYPE_OBJECT_Format, nullptr, SPA_FORMAT_VIDEO_size,
                                   SPA_POD_Rectangle(&fixed)),
              0);
    EXPECT_EQ(fixed.width, size.width);
    EXPECT_EQ(fixed.height, size.height);
  }
}

/// gamescope's side of a negotiation, with its own two properties. It takes every 64-bit number of
/// an application; PipeWire 0.3.65 compares them by their difference, cut to 32 bits.
class GamescopeFormat {
 public:
  static constexpr std::uint32_t kRequestedSize = 0x70000;
  static constexpr std::uint32_t kFocusApp = 0x70001;

  GamescopeFormat() {
    const spa_rectangle output{1280, 720};
    const spa_rectangle least{0, 0};
    const spa_rectangle most{UINT32_MAX, UINT32_MAX};
    spa_pod_builder b{};
    spa_pod_builder_init(&b, storage_.data(), static_cast<std::uint32_t>(storage_.size()));
    pod_ = static_cast<spa_pod*>(spa_pod_builder_add_object(
        &b, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_VIDEO_size,
        SPA_POD_Rectangle(&output), kRequestedSize,
        SPA_POD_CHOICE_RANGE_Rectangle(&least, &least, &most), kFocusApp,
        SPA_POD_CHOICE_RANGE_Long(INT64_C(0), INT64_C(0), std::int64_t{INT32_MAX})));
  }

  struct Agreed {
    spa_rectangle requested_size{};
    std::int64_t focus_app = -1;
  };
  /// What gamescope reads from the format that both sides agree on.
  Agreed with(const GamescopeWishes& wishes) {
    FormatPods offers(request_of({{Fourcc::kBGRx, {}}}), MaxFramerate::kOffer, wishes);
    alignas(8) std::array<std::uint8_t, 4096> met{};
    spa_pod_builder b{};
    spa_pod_builder_init(&b, met.data(), static_cast<std::uint32_t>(met.size()));
    spa_pod* agreed = nullptr;
    EXPECT_GE(spa_pod_filter(&b, &agreed, pod_, offers.pods()[0]), 0);
    if (agreed == nullptr) return {};
    spa_pod_object_fixate(reinterpret_cast<spa_pod_object*>(agreed));
    Agreed read;
    EXPECT_GE(spa_pod_parse_object(agreed, SPA_TYPE_OBJECT_Format, nullptr, kRequestedSize,
                                   SPA_POD_Rectangle(&read.requested_size), kFocusApp,
                                   SPA_POD_Long(&read.focus_app)),
              0);
    return read;
  }

 private:
  alignas(8) std::array<std::uint8_t, 1024> storage_{};
  spa_pod* pod_ = nullptr;
};

TEST(VideoFormat, AGamescopeReadsWhatItIsAskedFor) {
  const auto asked = GamescopeFormat().with({.largest = {640, 360}, .app_id = 2'000'000'000});
  EXPECT_EQ(asked.requested_size.width, 640U);
  EXPECT_EQ(asked.requested_size.height, 360U);
  EXPECT_EQ(asked.focus_app, 2'000'000'000);
  const auto unasked = GamescopeFormat().with({});
  EXPECT_EQ(unasked.requested_size.width, 0U);
  EXPECT_EQ(unasked.focus_app, 0);
}

TEST(VideoFormat, EveryOfferCarriesWishesAndNoneWithoutThem) {
  const CaptureRequest request =
      request_of({{Fourcc::kBGRx, {kModifierLinear}}, {Fourcc::kNV12, {}}});
  FormatPods wishing(request, MaxFramerate::kOmit, {.largest = {640, 360}, .app_id = 570});
  FormatPods plain(request, MaxFramerate::kOmit);
  ASSERT_EQ(wishing.pods().size(), 2U);
  for (const std::uint32_t key : {GamescopeFormat::kRequestedSize, GamescopeFormat::kFocusApp}) {
    for (const spa_pod* pod : wishing.pods()) {
      EXPECT_NE(spa_pod_find_prop(pod, nullptr, key), nullptr);
    }
    for (const spa_pod* pod : plain.pods()) {
      EXPECT_EQ(spa_pod_find_prop(pod, nullptr, key), nullptr);
    }
  }
}

TEST(VideoFormat, AProducerThatKnowsNoWishesAgreesAllTheSame) {
  FormatPods wishing(request_of({{Fourcc::kBGRx, {}}}), MaxFramerate::kOmit,
                     {.largest = {640, 360}, .app_id = 570});
  const ProducerFormat producer(SPA_VIDEO_FORMAT_BGRx, {1280, 720});
  alignas(8) std::array<std::uint8_t, 2048> storage{};
  spa_pod_builder b{};
  spa_pod_builder_init(&b, storage.data(), static_cast<std::uint32_t>(storage.size()));
  spa_pod* agreed = nullptr;
  ASSERT_GE(spa_pod_filter(&b, &agreed, producer.pod(), wishing.pods()[0]), 0);
  spa_pod_object_fixate(reinterpret_cast<spa_pod_object*>(agreed));
  const auto parsed = parse_format(agreed);
  ASSERT_TRUE(parsed) << parsed.error().describe();
  EXPECT_EQ(parsed->size, (Extent{1280, 720}));
}

TEST(VideoFormat, LinearIsAModifierAndAbsenceIsNot) {
  const auto linear = parse_format(ProducerFormat(SPA_VIDEO_FORMAT_BGRx, {640, 480}, 0).pod());
  ASSERT_TRUE(linear);
  EXPECT_EQ(linear->modifier, kModifierLinear);
  const auto plain = parse_format(ProducerFormat(SPA_VIDEO_FORMAT_BGRx, {640, 480}).pod());
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->modifier, std::nullopt);
  EXPECT_EQ(plain->size, (Extent{640, 480}));
  EXPECT_TRUE(plain->rate.variable());
  EXPECT_EQ(plain->max_rate, (FrameRate{144, 1}));
}

TEST(VideoFormat, AnUnfixedModifierMeansWait) {
  const auto parsed = parse_format(
      ProducerFormat(SPA_VIDEO_FORMAT_BGRx, {640, 480}, 0, SPA_POD_PROP_FLAG_DONT_FIXATE).pod());
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, ErrorKind::kRetry);
}

TEST(VideoFormat, ImpossibleSizesAndForeignFormatsAreRejected) {
  for (const Extent size : {Extent{0, 480}, Extent{640, 0}, Extent{100'000, 100'000},
                            Extent{UINT32_MAX, UINT32_MAX}, Extent{kMaxSide + 1, 2}}) {
    const auto parsed = parse_format(ProducerFormat(SPA_VIDEO_FORMAT_BGRx, size).pod());
    ASSERT_FALSE(parsed) << size.width << "x" << size.height;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kFormatRejected);
  }
  EXPECT_FALSE(parse_format(ProducerFormat(SPA_VIDEO_FORMAT_YUY2, {640, 480}).pod()));
}

TEST(VideoFormat, ColourOfYuvIsTakenFromTheProducer) {
  const auto parsed =
      parse_format(ProducerFormat(SPA_VIDEO_FORMAT_NV12, {640, 480}, {}, 0,
                                  SPA_VIDEO_COLOR_MATRIX_BT601, SPA_VIDEO_COLOR_RANGE_0_255)
                       .pod());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->color.matrix, ColorMatrix::kBt601);
  EXPECT_EQ(parsed->color.range, ColorRange::kFull);
}

// Numbers of SPA (GStreamer's) on the left, of H.273 on the right.
TEST(VideoFormat, EveryColourThatBothSidesNameIsTaken) {
  struct Row {
    std::uint32_t spa;
    int h273;
  };
  const auto parse = [](spa_video_format format, std::uint32_t matrix, std::uint32_t primaries,
                        std::uint32_t transfer) {
    auto parsed = parse_format(
        ProducerFormat(format, {640, 480}, {}, 0, matrix, 0, primaries, transfer).pod());
    EXPECT_TRUE(parsed);
    return parsed ? parsed->color : ColorDescription{};
  };
  // FCC, BT.709, BT.601 (525 lines), SMPTE 240M, BT.2020.
  for (const Row& row : {Row{2, 4}, Row{3, 1}, Row{4, 6}, Row{5, 7}, Row{6, 9}}) {
    EXPECT_EQ(static_cast<int>(parse(SPA_VIDEO_FORMAT_NV12, row.spa, 0, 0).matrix), row.h273);
    EXPECT_EQ(parse(SPA_VIDEO_FORMAT_BGRx, row.spa, 0, 0).matrix, ColorMatrix::kBt709)
        << "a matrix of RGB means nothing";
  }
  EXPECT_EQ(static_cast<int>(parse(SPA_VIDEO_FORMAT_NV12, 4, 3, 0).matrix), 5) << "625 lines";
  EXPECT_EQ(static_cast<int>(parse(SPA_VIDEO_FORMAT_NV12, 4, 4, 0).matrix), 6) << "525 lines";
  for (const Row& row : {Row{0, 1}, Row{1, 1}, Row{2, 4}, Row{3, 5}, Row{4, 6}, Row{5, 7},
                         Row{6, 8}, Row{7, 9}, Row{9, 10}, Row{10, 11}, Row{11, 12}, Row{12, 22}}) {
    for (const auto format : {SPA_VIDEO_FORMAT_NV12, SPA_VIDEO_FORMAT_BGRx}) {
      EXPECT_EQ(static_cast<int>(parse(format, 0, row.spa, 0).primaries), row.h273) << row.spa;
    }
  }
  for (const Row& row :
       {Row{0, 1}, Row{1, 8}, Row{4, 4}, Row{5, 1}, Row{6, 7}, Row{7, 13}, Row{8, 5}, Row{9, 9},
        Row{10, 10}, Row{11, 15}, Row{13, 14}, Row{14, 16}, Row{15, 18}, Row{16, 6}, Row{99, 1}}) {
    for (const auto format : {SPA_VIDEO_FORMAT_NV12, SPA_VIDEO_FORMAT_BGRx}) {
      EXPECT_EQ(static_cast<int>(parse(format, 0, 0, row.spa).transfer), row.h273) << row.spa;
    }
  }
}

}  // namespace
}  // namespace lumen::pipewire
