#include "capture/pipewire/node_offers.h"

#include <array>
#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spa/param/param.h>
#include <spa/param/video/format-utils.h>
#include <spa/pod/builder.h>

#include "capture/pipewire/video_format.h"

namespace lumen::pipewire {
namespace {

using ::testing::ElementsAre;

TEST(NodeOffers, FormatWithModifiersIsADmabufOffer) {
  const Modifier tiled{0x0300'0000'0060'6014};
  FormatPods pods(
      {.offers = {{Fourcc::kBGRx, {tiled, kModifierLinear}}}, .preferred_size = {1280, 720}},
      MaxFramerate::kOffer);
  const auto offer = parse_offer(pods.pods().front());
  ASSERT_TRUE(offer);
  EXPECT_THAT(offer->formats, ElementsAre("BGRx"));
  EXPECT_TRUE(offer->dmabuf);
  EXPECT_THAT(offer->modifiers, ElementsAre(tiled, kModifierLinear));
  EXPECT_EQ(offer->size, (Extent{1280, 720}));
}

TEST(NodeOffers, FormatWithoutModifiersIsHostMemory) {
  FormatPods pods({.offers = {{Fourcc::kNV12, {}}}}, MaxFramerate::kOmit);
  const auto offer = parse_offer(pods.pods().front());
  ASSERT_TRUE(offer);
  EXPECT_THAT(offer->formats, ElementsAre("NV12"));
  EXPECT_FALSE(offer->dmabuf);
}

struct Object {
  explicit Object(std::uint32_t subtype) {
    spa_pod_builder_init(&builder, memory.data(), sizeof(memory));
    spa_pod_builder_push_object(&builder, &frame, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
    spa_pod_builder_prop(&builder, SPA_FORMAT_mediaType, 0);
    spa_pod_builder_id(&builder, SPA_MEDIA_TYPE_video);
    spa_pod_builder_prop(&builder, SPA_FORMAT_mediaSubtype, 0);
    spa_pod_builder_id(&builder, subtype);
  }
  const spa_pod* finish() {
    return static_cast<const spa_pod*>(spa_pod_builder_pop(&builder, &frame));
  }

  alignas(8) std::array<std::uint8_t, 1024> memory{};
  spa_pod_builder builder{};
  spa_pod_frame frame{};
};

TEST(NodeOffers, FormatsThatLumenCannotReadHaveTheirSpaName) {
  Object object(SPA_MEDIA_SUBTYPE_raw);
  spa_pod_builder_prop(&object.builder, SPA_FORMAT_VIDEO_format, 0);
  spa_pod_frame choice;
  spa_pod_builder_push_choice(&object.builder, &choice, SPA_CHOICE_Enum, 0);
  for (const std::uint32_t format :
       {SPA_VIDEO_FORMAT_YUY2, SPA_VIDEO_FORMAT_YUY2, SPA_VIDEO_FORMAT_BGRA}) {
    spa_pod_builder_id(&object.builder, format);
  }
  spa_pod_builder_pop(&object.builder, &choice);
  const auto offer = parse_offer(object.finish());
  ASSERT_TRUE(offer);
  EXPECT_THAT(offer->formats, ElementsAre("YUY2", "BGRA"));
}

TEST(NodeOffers, DepthAndColoursAreTold) {
  Object object(SPA_MEDIA_SUBTYPE_raw);
  spa_pod_builder_prop(&object.builder, SPA_FORMAT_VIDEO_format, 0);
  spa_pod_builder_id(&object.builder, SPA_VIDEO_FORMAT_xRGB_210LE);
  spa_pod_builder_prop(&object.builder, SPA_FORMAT_VIDEO_colorPrimaries, 0);
  spa_pod_builder_id(&object.builder, SPA_VIDEO_COLOR_PRIMARIES_BT2020);
  spa_pod_builder_prop(&object.builder, SPA_FORMAT_VIDEO_transferFunction, 0);
  spa_pod_builder_id(&object.builder, 14);
  const auto offer = parse_offer(object.finish());
  ASSERT_TRUE(offer);
  EXPECT_THAT(offer->formats, ElementsAre("xRGB_210LE"));
  EXPECT_EQ(offer->bit_depth, 10U);
  ASSERT_TRUE(offer->color);
  EXPECT_EQ(describe(*offer->color), "BT.2020 PQ");

  FormatPods pods({.offers = {{Fourcc::kBGRx, {}}}}, MaxFramerate::kOmit);
  const auto plain = parse_offer(pods.pods().front());
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->bit_depth, 8U);
  EXPECT_FALSE(plain->color);
}

TEST(NodeOffers, ValuesOfAWrongTypeAreLeftOut) {
  Object object(SPA_MEDIA_SUBTYPE_raw);
  spa_pod_builder_prop(&object.builder, SPA_FORMAT_VIDEO_format, 0);
  spa_pod_builder_string(&object.builder, "BGRx");
  spa_pod_builder_prop(&object.builder, SPA_FORMAT_VIDEO_modifier, 0);
  spa_pod_builder_int(&object.builder, 7);
  const auto offer = parse_offer(object.finish());
  ASSERT_TRUE(offer);
  EXPECT_TRUE(offer->formats.empty());
  EXPECT_TRUE(offer->modifiers.empty());
}

TEST(NodeOffers, CompressedVideoIsRefused) {
  Object object(SPA_MEDIA_SUBTYPE_mjpg);
  EXPECT_FALSE(parse_offer(object.finish()));
}

}  // namespace
}  // namespace lumen::pipewire
