// A minute of pictures, of which next to none may be missing. Wants a machine that does nothing
// else.
#include "smoothness.h"

namespace lumen::browser {
namespace {

void expect_smooth(const Watched& seen) {
  EXPECT_GE(seen.decoded, seen.received * 0.995);
  EXPECT_GE(seen.shown, seen.due * 0.995);
  EXPECT_LE(seen.longest_ms, 100);
  EXPECT_EQ(seen.packets_lost, 0);
}

TEST_F(SmoothnessTest, AMinuteOf1080p30) {
  expect_smooth(watch("1920x1080", 30, "12M", std::chrono::seconds(60)));
}

TEST_F(SmoothnessTest, AMinuteOf720p60) {
  expect_smooth(watch("1280x720", 60, "10M", std::chrono::seconds(60)));
}

}  // namespace
}  // namespace lumen::browser
