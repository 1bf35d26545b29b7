// Who sits at the host's desktop is told that a page shows it.
#include "session_page.h"

namespace lumen::browser {
namespace {

class NoticeTest : public SessionPageTest {
 protected:
  void SetUp() override {
    SessionPageTest::SetUp();
    if (!ready()) return;
    if (!session_->output_of({kPython, "-c", "from gi.repository import Gio"})) {
      GTEST_SKIP() << "needs python3-gi";
    }
    produce();
    desktop_ = start({kPython, std::string(LUMEN_PEERS) + "/notifications.py"}, "ready");
  }
  void TearDown() override {
    desktop_.reset();
    SessionPageTest::TearDown();
  }

  static constexpr const char* kPython = "/usr/bin/python3";
  std::optional<Process> desktop_;
};

TEST_F(NoticeTest, IsThereForAsLongAsAPageShowsTheSession) {
  start_host("node:screen");
  EXPECT_FALSE(desktop_->read_line(Milliseconds(1000))) << "nobody looks";
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  const auto text = desktop_->read_value("show 1 ", Milliseconds(5000));
  ASSERT_TRUE(text) << desktop_->log_text();
  EXPECT_NE(text->find("being watched"), std::string::npos) << *text;
  (void)browser_->navigate(tab, "about:blank");
  EXPECT_TRUE(desktop_->read_value("close 1", Milliseconds(20000)));
}

TEST_F(NoticeTest, IsNotThereWhereItIsNotWanted) {
  start_host("node:screen", 0, "4M", "127.0.0.1", "", {"--notify", "off"});
  ASSERT_TRUE(becomes(open_page(), "playing"));
  EXPECT_FALSE(desktop_->read_line(Milliseconds(3000)));
}

}  // namespace
}  // namespace lumen::browser
