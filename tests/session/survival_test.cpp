// A desktop's worst minute: each thing that can happen happens once, and those who watch go on
// watching.
#include "survival.h"
#include "harness/compositor.h"

namespace lumen::session {
namespace {

// The machine may be busy; the long form holds the bar.
TEST(Survival, OneOfEachKindIsSurvivedByTheSameViewers) {
  survive_a_desktop({.events = 9, .patience = Milliseconds(8000)});
}

TEST(Survival, AMutterThatIsKilledAndStartedAgainIsTakenUpByTheSameViewer) {
  auto session = PrivateSession::start();
  if (!session && session.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << session.error().describe();
  }
  ASSERT_TRUE(session) << session.error().describe();
  std::unique_ptr<Compositor> compositor;
  const auto begin = [&]() -> Result<void> {
    auto started =
        Compositor::start(CompositorKind::kMutter, **session, {.size = {640, 360}, .fps = 30});
    if (!started) return tl::unexpected(started.error());
    compositor = std::move(*started);
    if (auto moving = compositor->start_client({LUMEN_PATTERN_CLIENT}); !moving) return moving;
    auto node = compositor->stream();
    if (!node) return tl::unexpected(node.error());
    return {};
  };
  const auto begun = begin();
  if (!begun && begun.error().kind == ErrorKind::kUnsupported) {
    GTEST_SKIP() << begun.error().describe();
  }
  ASSERT_TRUE(begun) << begun.error().describe();

  const std::string sdp = ((*session)->dir() / "s.sdp").string();
  auto host = Host::start(**session, {"--source", "auto", "--bitrate", "4M", "--sink",
                                      "rtp:127.0.0.1:" + free_port() + "?sdp=" + sdp});
  ASSERT_TRUE(host) << host.error().describe();
  LiveViewer viewer(sdp);
  for (int round = 0; round < 2; ++round) {
    const LiveViewer::Seen before = viewer.seen();
    ASSERT_TRUE(eventually(Milliseconds(30000), [&] {
      return viewer.seen().session > before.session + 15;
    })) << host->process().log_text();
    compositor->process().kill();
    compositor.reset();
    ASSERT_TRUE(eventually(Milliseconds(20000), [&] {
      return viewer.seen().waiting > before.waiting + 3;
    })) << host->process().log_text();
    const auto again = begin();
    ASSERT_TRUE(again) << again.error().describe();
  }
  const std::uint64_t seen = viewer.seen().session;
  EXPECT_TRUE(eventually(Milliseconds(10000), [&] { return viewer.seen().session > seen + 15; }))
      << host->process().log_text();
  EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
}

}  // namespace
}  // namespace lumen::session
