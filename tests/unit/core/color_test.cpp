#include "core/color.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

TEST(Color, DescriptionsNamePrimariesAndTransferOnce) {
  EXPECT_EQ(describe({}), "BT.709");
  EXPECT_EQ(describe({.primaries = ColorPrimaries::kBt2020, .transfer = ColorTransfer::kPq}),
            "BT.2020 PQ");
  EXPECT_EQ(describe({.transfer = ColorTransfer::kSrgb}), "BT.709 sRGB");
  EXPECT_EQ(to_string(static_cast<ColorPrimaries>(99)), "primaries 99");
}

TEST(Color, OnlyPqAndHlgAreHdr) {
  EXPECT_TRUE(is_hdr({.transfer = ColorTransfer::kPq}));
  EXPECT_TRUE(is_hdr({.transfer = ColorTransfer::kHlg}));
  EXPECT_FALSE(is_hdr({.transfer = ColorTransfer::kBt2020Ten}));
}

}  // namespace
}  // namespace lumen
