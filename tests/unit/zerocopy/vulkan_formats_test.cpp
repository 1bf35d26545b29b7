// Which layouts the Vulkan route prefers, and which pictures it takes at all, without a GPU.
#include <array>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "zerocopy/vulkan/formats.h"

namespace lumen::vulkan {
namespace {

using testing::ElementsAre;

// As NVIDIA's driver lists them for XRGB8888.
constexpr Modifier kTiled{0x0300'0000'0060'6014};
constexpr Modifier kTiledLower{0x0300'0000'0060'6010};
constexpr Modifier kCompressed{0x0300'0000'00e0'8014};

TEST(VulkanFormats, UncompressedTilesComeFirstAndLinearLast) {
  std::vector<Modifier> modifiers{kModifierLinear, kCompressed, kTiled, kTiledLower};
  sort_best_first(modifiers);
  EXPECT_THAT(modifiers, ElementsAre(kTiled, kTiledLower, kCompressed, kModifierLinear));
}

TEST(VulkanFormats, OnlyNvidiasBlockLinearLayoutsHaveACompressionField) {
  EXPECT_TRUE(is_compressed(kCompressed));
  EXPECT_FALSE(is_compressed(kTiled));
  EXPECT_FALSE(is_compressed(kModifierLinear));
  EXPECT_FALSE(is_compressed({0x0200'0000'00e0'8014}));  // AMD's bits mean other things
}

TEST(VulkanFormats, ChannelOrderIsKeptAndPlanarFormatsAreRefused) {
  EXPECT_EQ(to_vulkan(Fourcc::kBGRx), VK_FORMAT_B8G8R8A8_UNORM);
  EXPECT_EQ(to_vulkan(Fourcc::kBGRA), VK_FORMAT_B8G8R8A8_UNORM);
  EXPECT_EQ(to_vulkan(Fourcc::kRGBx), VK_FORMAT_R8G8B8A8_UNORM);
  EXPECT_EQ(to_vulkan(Fourcc::kRGBA), VK_FORMAT_R8G8B8A8_UNORM);
  EXPECT_EQ(to_vulkan(Fourcc::kXR30), VK_FORMAT_A2R10G10B10_UNORM_PACK32);
  EXPECT_EQ(to_vulkan(Fourcc::kAR30), VK_FORMAT_A2R10G10B10_UNORM_PACK32);
  EXPECT_EQ(to_vulkan(Fourcc::kXB30), VK_FORMAT_A2B10G10R10_UNORM_PACK32);
  EXPECT_EQ(to_vulkan(Fourcc::kAB30), VK_FORMAT_A2B10G10R10_UNORM_PACK32);
  EXPECT_EQ(to_vulkan(Fourcc::kNV12), VK_FORMAT_UNDEFINED);
}

}  // namespace
}  // namespace lumen::vulkan
