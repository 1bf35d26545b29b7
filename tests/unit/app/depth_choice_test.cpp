#include "app/pipeline/depth_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(DepthChoice, AWishForTenBitsIsTheSourcesToFulfil) {
  EncoderSettings asked{.bit_depth = 10, .depth_is_wish = true};
  EXPECT_EQ(stream_depth(asked, Fourcc::kXR30), 10U);
  EXPECT_EQ(stream_depth(asked, Fourcc::kBGRx), 8U);
  EXPECT_EQ(stream_depth(asked, Fourcc::kNV12), 8U);
  asked.depth_is_wish = false;
  EXPECT_EQ(stream_depth(asked, Fourcc::kBGRx), 10U);
  EXPECT_EQ(stream_depth({.bit_depth = 8}, Fourcc::kXR30), 8U);
}

TEST(DepthChoice, HdrInEightBitsIsWarnedOfWithWhatHelps) {
  const ColorDescription pq{.primaries = ColorPrimaries::kBt2020, .transfer = ColorTransfer::kPq};
  EXPECT_THAT(hdr_warning(pq, 8, Codec::kH264), HasSubstr("--codec hevc"));
  EXPECT_THAT(hdr_warning(pq, 8, Codec::kHevc), HasSubstr("HDR (BT.2020 PQ)"));
  EXPECT_THAT(hdr_warning(pq, 8, Codec::kHevc), Not(HasSubstr("--codec")));
  EXPECT_EQ(hdr_warning(pq, 10, Codec::kHevc), "");
  EXPECT_EQ(hdr_warning({.primaries = ColorPrimaries::kBt2020}, 8, Codec::kHevc), "")
      << "a wide gamut alone is no HDR";
}

}  // namespace
}  // namespace lumen
