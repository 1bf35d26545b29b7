#include "core/ladder.h"

#include <gtest/gtest.h>

namespace lumen {
namespace {

TEST(Ladder, SaysAReasonOnceForAllStepsThatShareIt) {
  const Ladder ladder = {{"egl", false, "no driver"}, {"vulkan", false, "no driver"},
                         {"gl-blit", false, "no GL"}, {"readback", false, ""},
                         {"cpu", true, ""},           {"lower", false, "never tried"}};
  const Ladder not_taken = steps_not_taken(ladder);
  ASSERT_EQ(not_taken.size(), 2u);
  EXPECT_EQ(not_taken[0].name, "egl, vulkan");
  EXPECT_EQ(not_taken[0].reason, "no driver");
  EXPECT_EQ(not_taken[1].name, "gl-blit");
}

}  // namespace
}  // namespace lumen
