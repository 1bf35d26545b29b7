#include "core/pixel_format.h"

#include <string>

#include <gtest/gtest.h>

namespace lumen {
namespace {

struct Case {
  const char* name;
  std::uint64_t modifier;
  const char* text;
};

class ModifierName : public testing::TestWithParam<Case> {};

TEST_P(ModifierName, IsReadable) {
  EXPECT_EQ(describe(Modifier{GetParam().modifier}), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Vendors, ModifierName,
    testing::Values(
        Case{"linear", 0, "LINEAR"}, Case{"invalid", 0x00ff'ffff'ffff'ffff, "INVALID"},
        // DRM_FORMAT_MOD_NVIDIA_BLOCK_LINEAR_2D(0, 1, 2, 0x06, 4), as driver 580 lists it.
        Case{"block_linear", 0x0300'0000'0060'6014,
             "NVIDIA block-linear h=4 k=0x06 g=2 s=1 (0x0300000000606014)"},
        Case{"compressed", 0x0300'0000'00e0'8015,
             "NVIDIA block-linear compressed h=5 k=0x08 g=2 s=1 c=1 (0x0300000000e08015)"},
        Case{"tegra", 0x0300'0000'0000'0013,
             "NVIDIA block-linear h=3 k=0x00 g=0 s=0 (0x0300000000000013)"},
        Case{"nvidia_unknown", 0x0300'0000'0000'0001, "NVIDIA (0x0300000000000001)"},
        Case{"intel", 0x0100'0000'0000'0002, "Intel (0x0100000000000002)"},
        Case{"amd", 0x0200'0000'1866'bb04, "AMD (0x020000001866bb04)"},
        Case{"arm", 0x0800'0000'0000'0051, "ARM (0x0800000000000051)"},
        Case{"nobody", 0xee00'0000'0000'0001, "vendor 0xee (0xee00000000000001)"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(PixelFormat, TenBitsOfRgbArePackedAndOfYuvAreWords) {
  for (const Fourcc format : {Fourcc::kXR30, Fourcc::kAR30, Fourcc::kXB30, Fourcc::kAB30}) {
    EXPECT_TRUE(is_packed_rgb(format));
    EXPECT_FALSE(is_ten_bit(format));
    EXPECT_EQ(bit_depth(format), 10U);
    EXPECT_EQ(plane_count(format), 1U);
  }
  EXPECT_EQ(bit_depth(Fourcc::kP010), 10U);
  EXPECT_EQ(bit_depth(Fourcc::kBGRx), 8U);
  EXPECT_TRUE(is_red_first(Fourcc::kXB30));
  EXPECT_FALSE(is_red_first(Fourcc::kXR30));
  // drm_fourcc.h
  EXPECT_EQ(static_cast<std::uint32_t>(Fourcc::kXR30), 0x30335258U);
  EXPECT_EQ(to_string(Fourcc::kXR30), "xRGB_210LE");
}

}  // namespace
}  // namespace lumen
