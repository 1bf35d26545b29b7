// The same as sfu_test.cpp, for as long as it takes to be sure.
#include "sfu.h"

namespace lumen::session {
namespace {

TEST_F(Sfu, TenMinutesLoseNothing) {
  const auto result = run({.seconds = 600, .joins = 4}, "synthetic:1280x720@30");
  expect_flawless(result, 100'000);
}

TEST_F(Sfu, FiftyConsumersComeAndGo) {
  const auto result = run({.seconds = 60, .joins = 50}, "synthetic:1280x720@30");
  expect_flawless(result, 10'000);
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["waits"].size(), 50U) << "each got its key frame";
  EXPECT_LE(result["keyFrames"].get<double>(), result["seconds"].get<double>() + 1);
}

}  // namespace
}  // namespace lumen::session
