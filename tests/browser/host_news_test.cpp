// What the page shows of the host's news: qualities to choose from, events, adaptation, waiting.
// The status is the host's own, with more in it.
#include "page.h"

namespace lumen::browser {
namespace {

/// `more` is merged into each status.
const std::string kMoreNews = R"js(
  window.more = {};
  const original = window.fetch;
  window.fetch = async (url, options) => {
    const response = await original(url, options);
    if (url !== "/status") return response;
    return Response.json({...await response.json(), ...window.more});
  };)js";

/// Each notice that was shown, in window.notices.
const std::string kKeepNotices = R"js(
  window.notices = [];
  addEventListener("DOMContentLoaded", () => {
    const notice = document.getElementById("event");
    new MutationObserver(() => notice.textContent && window.notices.push(notice.textContent))
      .observe(notice, {childList: true});
  });)js";

json event(double time_s, const char* kind, const char* subject, const char* reason,
           const json& text = nullptr) {
  return {
      {"time_s", time_s}, {"kind", kind}, {"subject", subject}, {"reason", reason}, {"text", text}};
}

class NewsTest : public PageTest {
 protected:
  std::string open_news(const std::string& script = "") {
    const std::string tab = open_page(kMoreNews + script);
    EXPECT_TRUE(becomes(tab, "playing"));
    return tab;
  }
  void tell(const std::string& tab, const json& more) {
    evaluate(tab, "window.more = " + more.dump() + "; 0");
  }
  bool menu_is_shown(const std::string& tab, bool shown) {
    return eventually(Milliseconds(8000), [&] {
      return evaluate(tab, "document.getElementById('quality').checkVisibility()") == shown;
    });
  }
  void choose(const std::string& tab, const std::string& id) {
    evaluate(tab, "(() => { const menu = document.getElementById('quality'); menu.value = '" + id +
                      "'; menu.dispatchEvent(new Event('change')); })()");
  }
};

TEST_F(NewsTest, OffersQualitiesWhereThereIsAChoice) {
  start_host();
  const std::string tab = open_news();
  ASSERT_TRUE(menu_is_shown(tab, true));
  EXPECT_EQ(evaluate(tab, "[...document.querySelectorAll('option')].map((o) => o.value)"),
            json({"auto", "medium", "low", "lowest"}));
  EXPECT_EQ(evaluate(tab, "document.querySelector('optgroup').label"), "For all viewers");
  press(tab, "q");
  EXPECT_EQ(evaluate(tab, "document.activeElement.id"), "quality");
  press(tab, "s");  // is the menu's now
  EXPECT_EQ(evaluate(tab, "document.getElementById('statistics').hidden"), true);
  tell(tab, {{"qualities", {{{"id", "auto"}, {"label", "Automatic"}}}}});
  EXPECT_TRUE(menu_is_shown(tab, false));
}

TEST_F(NewsTest, AChoiceChangesThePictureOfAllViewers) {
  start_host();
  const std::string tab = open_news();
  const std::string another = open_news();
  ASSERT_TRUE(menu_is_shown(tab, true));
  choose(tab, "lowest");
  EXPECT_TRUE(comes_to_show(tab, "event", "All viewers now get: Lowest: 320x180"));
  for (const std::string& viewer : {tab, another}) {
    EXPECT_TRUE(eventually(Milliseconds(10000), [&] {
      return evaluate(viewer, "document.querySelector('video').videoWidth") == 320 &&
             evaluate(viewer, "document.getElementById('quality').value") == "lowest";
    }));
  }
}

TEST_F(NewsTest, SaysThatTheHostDidNotTakeAChoice) {
  start_host();
  const std::string tab = open_news();
  tell(tab, {{"qualities",
              {{{"id", "auto"}, {"label", "Automatic"}}, {{"id", "best"}, {"label", "Best"}}}}});
  ASSERT_TRUE(eventually(Milliseconds(8000), [&] {
    return evaluate(tab, "document.querySelectorAll('option').length") == 2;
  }));
  choose(tab, "best");
  EXPECT_TRUE(comes_to_show(tab, "event", "did not take the quality Best"));
  EXPECT_EQ(evaluate(tab, "document.getElementById('quality').value"), "auto");
}

TEST_F(NewsTest, TellsWhatHasHappenedOnceAndListsIt) {
  start_host();
  const std::string tab = open_news(
      "window.more = {events: [{time_s: 3, kind: 'fallback_completed', subject: 'nvenc', "
      "reason: 'opened_again', text: null}]};");
  press(tab, "s");
  EXPECT_TRUE(comes_to_show(tab, "events", "0:03 Nvenc was opened again"));
  EXPECT_EQ(text_of(tab, "event"), "");
  json events = {event(3, "fallback_completed", "nvenc", "opened_again"),
                 event(65.1, "encode_error", "<b>nvenc</b>", "device_lost"),
                 event(65.1, "fallback_triggered", "<b>nvenc</b>", "device_lost"),
                 event(65.2, "fallback_completed", "software", "replaced", "in place of nvenc"),
                 event(66, "sender_started", "an output", "first_frame"),
                 event(67, "adapted", "stream", "network", "1280x720 at 30 fps")};
  tell(tab, {{"events", events},
             {"adaptation",
              {{"level", 2}, {"text", "1280x720 at 30 fps, 3.0 Mb/s"}, {"cause", "network"}}}});
  EXPECT_TRUE(comes_to_show(tab, "event", "Software goes on in place of nvenc"));
  EXPECT_TRUE(comes_to_show(tab, "figures", "1280x720 at 30 fps, 3.0 Mb/s, for the network"));
  EXPECT_EQ(evaluate(tab, "[...document.querySelectorAll('#events li')].map((l) => l.innerText)"),
            json({"1:07 1280x720 at 30 fps", "1:06 An output has started",
                  "1:05 Software goes on in place of nvenc", "1:05 <b>nvenc</b> is given up",
                  "1:05 The encoder <b>nvenc</b> failed", "0:03 Nvenc was opened again"}));
  EXPECT_EQ(evaluate(tab, "document.getElementById('event').ariaLive"), "polite");
  EXPECT_TRUE(eventually(Milliseconds(15000), [&] { return text_of(tab, "event").empty(); }));
  EXPECT_EQ(evaluate(tab, kState), "playing");
  events.push_back(event(80, "sender_stopped", "an output", "removed"));
  tell(tab, {{"events", events}});
  EXPECT_TRUE(comes_to_show(tab, "event", "An output has ended"));
}

// A recording on a full disk, begun while somebody watches.
TEST_F(NewsTest, TellsThatARealOutputFailedWithoutItsName) {
  environment_["XDG_RUNTIME_DIR"] = dir_.string();
  start_host();
  const std::string tab = open_page(kKeepNotices);
  ASSERT_TRUE(becomes(tab, "playing"));
  press(tab, "s");
  ASSERT_TRUE(comes_to_show(tab, "events", "An output has started"));  // the page itself
  auto added =
      Process::spawn({.argv = {LUMEN_HOST_BINARY, "ctl", "add-sink", "file:/dev/full?format=mkv"},
                      .env = environment_,
                      .log = dir_ / "ctl.log"});
  ASSERT_TRUE(added) << added.error().describe();
  const auto ending = added->wait(Milliseconds(10000));
  ASSERT_TRUE(ending && ending->clean()) << added->log_text();

  const std::string said_so = "An output failed: it can't be written to; the others go on";
  EXPECT_TRUE(comes_to_show(tab, "event", said_so)) << text_of(tab, "events");
  EXPECT_TRUE(comes_to_show(tab, "events", said_so));
  EXPECT_TRUE(comes_to_show(tab, "events", "An output has ended"));
  EXPECT_EQ(
      evaluate(tab, "fetch('/status').then((r) => r.text())").get<std::string>().find("/dev/full"),
      std::string::npos);
  EXPECT_TRUE(eventually(Milliseconds(15000), [&] { return text_of(tab, "event").empty(); }));
  EXPECT_EQ(evaluate(tab, "window.notices"), json({said_so}));
  EXPECT_EQ(evaluate(tab, kState), "playing");
}

TEST_F(NewsTest, TakesNewsThatMakesNoSense) {
  start_host();
  const std::string tab = open_news();
  for (const json& more :
       {json{{"qualities", "all"}, {"events", 7}, {"adaptation", 7}, {"latency_ms", nullptr}},
        json{{"qualities", {nullptr, 1, {{"label", "x"}}}}, {"events", {nullptr, {{"text", 1}}}}},
        json{{"quality", {1}}, {"adaptation", nullptr}, {"latency_ms", {{"total", 3}}}}}) {
    tell(tab, more);
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    EXPECT_EQ(evaluate(tab, kState), "playing") << more;
    EXPECT_EQ(said(" leaves after "), 0U) << more;
  }
}

TEST_F(NewsTest, WaitsWhileTheSessionHasNoPicture) {
  start_host();
  // A connection without pictures, of a host whose source has paused.
  const std::string tab = open_page(kMoreNews + R"js(
    window.more = {state: "paused"};
    RTCPeerConnection.prototype.getStats = async () => new Map();
    HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;)js");
  EXPECT_TRUE(becomes(tab, "waiting"));
  EXPECT_EQ(text_of(tab, "headline"), "Waiting for the session");
  EXPECT_EQ(evaluate(tab, "document.getElementById('retry').hidden"), true);
}

}  // namespace
}  // namespace lumen::browser
