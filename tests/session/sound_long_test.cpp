// Ten minutes of sound whose clock is off by 50 ppm: each beep of the recording at its second.
#include <iostream>

#include "sound_fixture.h"

namespace lumen::session {
namespace {

TEST(SoundLong, TenMinutesOfAClockThatIsOffBy50PpmStayInSync) {
  auto started = PrivateSession::start();
  if (!started && started.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << started.error().describe();
  }
  ASSERT_TRUE(started) << started.error().describe();
  PrivateSession& session = **started;
  session.set_env("LUMEN_DEBUG", "file");
  const std::string path = (session.dir() / "out.mp4").string();
  auto host =
      Host::start(session, {"--source", "synthetic:320x180@30", "--audio", "synthetic:50",
                            "--bitrate", "500k", "--sink", "file:" + path, "--duration", "600"});
  ASSERT_TRUE(host) << host.error().describe();
  const auto last = host->await(Milliseconds(620'000), [](const nlohmann::json& status) {
    return status["uptime_s"].get<double>() > 590;
  });
  ASSERT_TRUE(last);
  EXPECT_NEAR((*last)["audio"]["drift_ppm"].get<double>(), 50, 5);
  EXPECT_EQ((*last)["audio"]["gaps"].get<int>(), 0);
  ASSERT_EQ(host->exit_code(Milliseconds(60'000)), 0) << host->process().log_text();
  const auto zero = start_of(host->process().log_text());
  ASSERT_TRUE(zero);
  const auto sound = test::read_sound(path);
  ASSERT_EQ(sound.error, "");
  EXPECT_EQ(sound.decode_errors, 0U);
  const auto offsets = beep_offsets(sound, *zero);
  EXPECT_GE(offsets.size(), 598U);
  double worst = 0;
  for (const double offset : offsets) worst = std::max(worst, std::abs(offset));
  std::cerr << offsets.size() << " beeps, at most " << worst * 1e3 << " ms off\n";
  // Uncorrected it would be 30 ms. The bar is 20.
  EXPECT_LT(worst, 0.002);
}

}  // namespace
}  // namespace lumen::session
