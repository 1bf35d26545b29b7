// A desktop notification says that the session is being watched, for as long as it is.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "app/notify/watch_notice.h"
#include "in_session.h"

namespace lumen::session {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPython = "/usr/bin/python3";

class Notice : public InSession {
 protected:
  void SetUp() override {
    InSession::SetUp();
    if (!ready()) return;
    if (!session->output_of({kPython, "-c", "from gi.repository import Gio"})) {
      GTEST_SKIP() << "needs python3-gi";
    }
    // The notice finds the bus as any program does.
    ::setenv("DBUS_SESSION_BUS_ADDRESS", session->env().at("DBUS_SESSION_BUS_ADDRESS").c_str(), 1);
    const std::string data = session->env().at("XDG_DATA_HOME");
    ::setenv("XDG_DATA_HOME", data.c_str(), 1);
    const auto icons = std::filesystem::path(data) / "icons/hicolor/scalable/apps";
    std::filesystem::create_directories(icons);
    std::ofstream(icons / "io.github.lumen.Host.svg") << "<svg/>";
  }
  Process desktop() {
    auto process = session->spawn({kPython, std::string(LUMEN_PEERS) + "/notifications.py"},
                                  StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready", Milliseconds(10000))) << process->log_text();
    return std::move(*process);
  }
};

TEST_F(Notice, StaysForAsLongAsSomebodyWatches) {
  auto shown = desktop();
  WatchNotice notice({.patience = 300ms});
  notice.set_viewers(1);
  const auto text = shown.read_value("show 1 ", Milliseconds(5000));
  ASSERT_TRUE(text) << shown.log_text();
  EXPECT_NE(text->find("being watched"), std::string::npos) << *text;
  EXPECT_TRUE(text->starts_with("io.github.lumen.Host ")) << "the installed icon; " << *text;
  notice.set_viewers(2);
  notice.set_viewers(0);
  notice.set_viewers(1);  // the page was loaded anew
  EXPECT_FALSE(shown.read_line(Milliseconds(1000))) << "it does not flicker";
  notice.set_viewers(0);
  EXPECT_TRUE(shown.read_value("close 1", Milliseconds(5000)));
  notice.set_viewers(1);
  EXPECT_TRUE(shown.read_value("show 2 ", Milliseconds(5000)));
}

TEST_F(Notice, EndsWithTheHost) {
  auto shown = desktop();
  {
    WatchNotice notice;
    notice.set_viewers(1);
    ASSERT_TRUE(shown.read_value("show 1 ", Milliseconds(5000)));
  }
  EXPECT_TRUE(shown.read_value("close 1", Milliseconds(1000)));
}

TEST_F(Notice, SurvivesTheBusAndComesAgain) {
  WatchNotice notice({.patience = 10ms});
  {
    auto shown = desktop();
    notice.set_viewers(1);
    ASSERT_TRUE(shown.read_value("show 1 ", Milliseconds(5000)));
    const auto restarted = session->restart_bus();
    ASSERT_TRUE(restarted) << restarted.error().describe();
  }
  notice.set_viewers(0);
  std::this_thread::sleep_for(200ms);
  auto shown = desktop();
  notice.set_viewers(1);
  EXPECT_TRUE(shown.read_value("show 1 ", Milliseconds(5000)));
}

}  // namespace
}  // namespace lumen::session
