// A page that stays open while the session behind it dies and comes back: the same connection plays
// again.
#include <csignal>
#include <functional>
#include <thread>

#include "pictures.h"
#include "session_page.h"

namespace lumen::browser {
namespace {

class SurvivalTest : public SessionPageTest {
 protected:
  void SetUp() override {
    SessionPageTest::SetUp();
    if (!ready()) return;
    produce();
    start_host("node:screen", 0, "4M", "127.0.0.1", "", {"--wait"});
  }

  /// The number that is drawn into the picture that the page shows; none in the host's own.
  std::optional<std::uint32_t> number(const std::string& tab) {
    const json shape = evaluate(tab, R"js((() => { const video = document.querySelector("video");
      return [video.videoWidth, video.videoHeight]; })())js");
    const json luma = evaluate(tab, kLuma);
    if (!luma.is_string() || !shape.is_array()) return std::nullopt;
    return number_in(luma.get<std::string>(),
                     {shape[0].get<std::uint32_t>(), shape[1].get<std::uint32_t>()});
  }
  /// Two different pictures of the session, one after the other.
  bool plays(const std::string& tab) {
    std::optional<std::uint32_t> first;
    return eventually(Milliseconds(15000), [&] {
      const auto seen = number(tab);
      if (!first) first = seen;
      return seen && seen != first;
    });
  }
};

TEST_F(SurvivalTest, TheSamePagePlaysAgainAfterEachThingThatHappens) {
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  ASSERT_TRUE(plays(tab));
  const std::vector<std::pair<const char*, std::function<void()>>> events = {
      {"the compositor is killed",
       [&] {
         producer_->kill();
         EXPECT_TRUE(eventually(Milliseconds(10000), [&] { return !number(tab); }))
             << "the host's own picture is not shown";
         produce();
       }},
      {"another size",
       [&] {
         producer_->kill();
         produce("480x270");
       }},
      {"PipeWire is restarted",
       [&] {
         producer_->kill();
         session_->kill_pipewire();
         const auto started = session_->start_pipewire();
         ASSERT_TRUE(started) << started.error().describe();
         produce();
       }},
      {"the host is frozen for a while",
       [&] {
         host_->signal(SIGSTOP);
         std::this_thread::sleep_for(Milliseconds(2000));
         host_->signal(SIGCONT);
       }},
  };
  for (const auto& [name, happen] : events) {
    SCOPED_TRACE(name);
    happen();
    if (HasFatalFailure()) return;
    EXPECT_TRUE(plays(tab));
    EXPECT_TRUE(becomes(tab, "playing"));
  }
  EXPECT_EQ(evaluate(tab, "window.connections.length"), 1) << "the page had to begin anew";
}

}  // namespace
}  // namespace lumen::browser
