// A session that gets its sound device while somebody already watches.
#include "session_page.h"
#include "sound_fixture.h"

namespace lumen::browser {
namespace {

constexpr const char* kSilent = "document.getElementById('mute').hidden";

using LateSound = SessionPageTest;

TEST_F(LateSound, ReachesAPageThatWasThereBefore) {
  if (!ready()) return;
  produce();
  start_host("node:screen");
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  EXPECT_EQ(evaluate(tab, kSilent), true);
  session::plug_in_sink(*session_, "speakers");
  const Process tone = session::play_beeps(*session_);
  EXPECT_TRUE(eventually(Milliseconds(20000), [&] { return evaluate(tab, kSilent) == false; }))
      << host_->log_text();
  EXPECT_TRUE(becomes(tab, "playing"));
  const json before = evaluate(tab, "window.connections.length");
  std::this_thread::sleep_for(std::chrono::seconds(4));
  EXPECT_EQ(evaluate(tab, "window.connections.length"), before)
      << "a page that begins again and again";
}

}  // namespace
}  // namespace lumen::browser
