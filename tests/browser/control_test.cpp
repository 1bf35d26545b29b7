// The page's section for who sits at the host: it does what it says, and others don't have it.
#include "page.h"

namespace lumen::browser {
namespace {

class ControlTest : public PageTest {
 protected:
  void click(const std::string& tab, const std::string& id) {
    evaluate(tab, "document.getElementById('" + id + "').click(); 0");
  }
  bool is_shown(const std::string& tab, const std::string& id, bool shown) {
    return eventually(Milliseconds(8000), [&] {
      return evaluate(tab, "document.getElementById('" + id + "').checkVisibility()") == shown;
    });
  }
  double target(const std::string& tab) {
    const json rate =
        evaluate(tab, "fetch('/status').then((r) => r.json()).then((s) => s.bitrate_bps.target)");
    return rate.is_number() ? rate.get<double>() : 0;
  }
};

TEST_F(ControlTest, SetsTheRateLetsGoOfTheSessionAndTakesItUpAgain) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  ASSERT_TRUE(is_shown(tab, "show-host", true));
  EXPECT_TRUE(is_shown(tab, "host", false));
  press(tab, "h");
  ASSERT_TRUE(is_shown(tab, "host", true));
  EXPECT_EQ(evaluate(tab, "document.getElementById('show-host').ariaExpanded"), "true");
  EXPECT_TRUE(eventually(Milliseconds(8000), [&] {
    return evaluate(tab, "document.getElementById('bitrate').valueAsNumber") == 4.0;
  }));
  EXPECT_TRUE(comes_to_show(tab, "host-facts", "libx264"));

  evaluate(tab, R"js((() => {
    document.getElementById("bitrate").value = "2.5";
    document.getElementById("host-rate").requestSubmit();
  })())js");
  EXPECT_TRUE(comes_to_show(tab, "event", "Asked the host for 2.5 Mb/s"));
  EXPECT_TRUE(eventually(Milliseconds(5000), [&] { return target(tab) == 2.5e6; })) << target(tab);

  click(tab, "hold");
  EXPECT_TRUE(becomes(tab, "waiting"));
  EXPECT_TRUE(comes_to_show(tab, "hold", "Take up the session again"));
  click(tab, "hold");
  EXPECT_TRUE(becomes(tab, "playing"));
  EXPECT_TRUE(comes_to_show(tab, "hold", "Let go of the session"));
  press(tab, "h");
  EXPECT_TRUE(is_shown(tab, "host", false));
}

TEST_F(ControlTest, WhatIsNotForPagesIsRefused) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  press(tab, "h");
  ASSERT_TRUE(is_shown(tab, "host", true));
  EXPECT_EQ(evaluate(tab, R"js(fetch("/control", {method: "POST",
      headers: {"Content-Type": "application/json"},
      body: JSON.stringify({method: "add-sink", sink: "file:/tmp/of-a-page.mp4"})
    }).then((response) => response.status))js"),
            422);
  EXPECT_FALSE(std::filesystem::exists("/tmp/of-a-page.mp4"));
}

// As for a viewer on another machine, or behind a proxy.
TEST_F(ControlTest, IsNotThereForOthers) {
  start_host();
  const std::string tab = open_page(R"js(
    const original = window.fetch;
    window.fetch = (url, options) => original(url, {...options,
      headers: {...options?.headers, "X-Forwarded-For": "203.0.113.7"}});)js");
  ASSERT_TRUE(becomes(tab, "playing"));
  EXPECT_TRUE(is_shown(tab, "show-statistics", true));
  EXPECT_TRUE(is_shown(tab, "show-host", false));
  press(tab, "h");
  EXPECT_TRUE(is_shown(tab, "host", false));
}

}  // namespace
}  // namespace lumen::browser
