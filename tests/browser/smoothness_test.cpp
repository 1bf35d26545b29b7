// The short form of smoothness_long_test.cpp, for machines that do other things beside.
#include "smoothness.h"

namespace lumen::browser {
namespace {

TEST_F(SmoothnessTest, ShowsNearlyEveryPicture) {
  const Watched seen = watch("640x360", 30, "4M", std::chrono::seconds(8));
  EXPECT_GE(seen.decoded, seen.received * 0.995 - 1);
  EXPECT_GE(seen.shown, seen.due * 0.9);
  EXPECT_LE(seen.longest_ms, 500);
  EXPECT_EQ(seen.packets_lost, 0);
}

}  // namespace
}  // namespace lumen::browser
