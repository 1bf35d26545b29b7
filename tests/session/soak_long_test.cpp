// Two minutes of 1080p60: memory and descriptors stay where they were after ten seconds, and the
// time between capture and file does not grow.
#include "host.h"

namespace lumen::session {
namespace {

TEST(Soak, TwoMinutesLeakNothingAndStayInTime) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  auto producer =
      (*session)->spawn({LUMEN_TEST_PRODUCER, "--name", "screen"}, StandardOutput::kPipe);
  ASSERT_TRUE(producer) << producer.error().describe();
  ASSERT_TRUE(producer->read_value("ready ", Milliseconds(10000)));
  auto host = Host::start(**session, {"--source", "node:screen", "--duration", "120", "--sink",
                                      "file:" + ((*session)->dir() / "out.mkv").string()});
  ASSERT_TRUE(host) << host.error().describe();

  std::uint64_t settled_kib = 0;
  std::size_t settled_fds = 0;
  double last_uptime = 0;
  while (const auto status = host->status()) {
    if ((*status)["state"] != "streaming") continue;
    last_uptime = (*status)["uptime_s"].get<double>();
    if (settled_kib == 0 && last_uptime > 10) {
      settled_kib = host->process().rss_kib();
      settled_fds = host->process().fd_count();
    }
    if (settled_kib == 0 || !host->process().running()) continue;
    EXPECT_LE(host->process().rss_kib(), settled_kib + 8 * 1024) << "after " << last_uptime << " s";
    EXPECT_LE(host->process().fd_count(), settled_fds + 1) << "after " << last_uptime << " s";
    EXPECT_LT((*status)["latency_ms"]["total"]["p50"].get<double>(), 100.0);
  }
  EXPECT_GT(last_uptime, 110.0);
  EXPECT_LE(settled_kib, 200U * 1024);
  EXPECT_EQ(host->exit_code(Milliseconds(20000)), 0) << host->process().log_text();
}

}  // namespace
}  // namespace lumen::session
