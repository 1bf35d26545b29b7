// lumen-host's plain RTP in a mediasoup router.
#include "sfu.h"

namespace lumen::session {
namespace {

constexpr const char* kSource = "synthetic:1280x720@30";

void expect_answered(const nlohmann::json& result, const char* request, std::size_t joins) {
  ASSERT_TRUE(result.is_object());
  EXPECT_EQ(result["asked"][request].get<std::size_t>(), joins) << result.dump();
  EXPECT_EQ(result["keyFrames"].get<std::size_t>(), joins) << "no other key frames";
  ASSERT_EQ(result["waits"].size(), joins) << result.dump();
  for (const auto& wait : result["waits"]) EXPECT_LT(wait.get<int>(), 500) << result.dump();
}

TEST_F(Sfu, LosesNothingAndGetsAKeyFrameByPli) {
  const auto result = run({.seconds = 8, .joins = 4}, kSource);
  expect_flawless(result, 1000);
  expect_answered(result, "pli", 4);
}

TEST_F(Sfu, LosesNothingAndGetsAKeyFrameByFir) {
  const auto result = run({.seconds = 8, .joins = 4, .key_frame_request = "ccm fir"}, kSource);
  expect_flawless(result, 1000);
  expect_answered(result, "fir", 4);
}

TEST_F(Sfu, ConsumersThatComeAndGoCostNoMoreThanAKeyFrameASecond) {
  const auto result = run({.seconds = 5, .joins = 25}, kSource);
  expect_flawless(result, 500);
  ASSERT_TRUE(result.is_object());
  EXPECT_LE(result["keyFrames"].get<double>(), result["seconds"].get<double>() + 1);
}

}  // namespace
}  // namespace lumen::session
