// The page on a phone's screen: each control can be seen, hit with a finger and read out.
#include "page.h"

namespace lumen::browser {
namespace {

constexpr double kWidth = 390;
constexpr double kHeight = 844;
constexpr double kFinger = 44;  // WCAG 2.2, 2.5.5, in CSS pixels

/// Those that can be seen, which are kept for accessible_name().
constexpr const char* kControls = R"js((window.controls =
  [...document.querySelectorAll("button, select, input")].filter((control) => control.checkVisibility()))
  .map((control) => {
    const {left, top, right, bottom} = control.getBoundingClientRect();
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return {html: control.outerHTML, left, top, right, bottom, reached: control.contains(hit)};
  }))js";

class PhoneTest : public PageTest {
 protected:
  std::string open_on_phone() {
    start_host("synthetic:640x360@30", 0, "4M", "127.0.0.1", "", {"--audio", "synthetic"});
    const std::string tab = open_page();
    EXPECT_TRUE(browser_->command(
        tab, "Emulation.setDeviceMetricsOverride",
        {{"width", kWidth}, {"height", kHeight}, {"deviceScaleFactor", 1}, {"mobile", true}}));
    EXPECT_TRUE(becomes(tab, "playing"));
    return tab;
  }
  bool is_shown(const std::string& tab, const std::string& id) {
    return eventually(Milliseconds(8000), [&] {
      return evaluate(tab, "document.getElementById('" + id + "').checkVisibility()") == true;
    });
  }
  /// As a screen reader has it.
  std::string accessible_name(const std::string& tab, std::size_t index) {
    const auto control =
        browser_->command(tab, "Runtime.evaluate",
                          {{"expression", "window.controls[" + std::to_string(index) + "]"}});
    EXPECT_TRUE(control);
    if (!control) return {};
    const auto tree = browser_->command(
        tab, "Accessibility.getPartialAXTree",
        {{"objectId", (*control)["result"]["objectId"]}, {"fetchRelatives", false}});
    EXPECT_TRUE(tree);
    if (!tree) return {};
    return (*tree)["nodes"][0].value("name", json::object()).value("value", "");
  }
  void expect_within_reach(const std::string& tab, std::size_t controls) {
    const json shown = evaluate(tab, kControls);
    EXPECT_EQ(shown.size(), controls) << shown;
    for (std::size_t i = 0; i < shown.size(); ++i) {
      const json& control = shown[i];
      EXPECT_GE(control["left"].get<double>(), 0) << control;
      EXPECT_GE(control["top"].get<double>(), 0) << control;
      EXPECT_LE(control["right"].get<double>(), kWidth) << control;
      EXPECT_LE(control["bottom"].get<double>(), kHeight) << control;
      EXPECT_GE(control["bottom"].get<double>() - control["top"].get<double>(), kFinger) << control;
      EXPECT_EQ(control["reached"], true) << control;
      EXPECT_NE(accessible_name(tab, i), "") << control;
    }
  }
};

TEST_F(PhoneTest, EachControlIsWithinReach) {
  const std::string tab = open_on_phone();
  for (const char* id : {"mute", "quality", "show-host", "show-statistics", "full-screen"}) {
    ASSERT_TRUE(is_shown(tab, id)) << id;
  }
  expect_within_reach(tab, 5);
  press(tab, "s");
  ASSERT_TRUE(is_shown(tab, "statistics"));
  expect_within_reach(tab, 5);
  press(tab, "h");
  ASSERT_TRUE(is_shown(tab, "host"));
  expect_within_reach(tab, 9);
  EXPECT_EQ(evaluate(tab, "document.documentElement.scrollWidth"), kWidth);
}

TEST_F(PhoneTest, FillsTheScreenAndLeavesItAgain) {
  const std::string tab = open_on_phone();
  const auto becomes_full = [&](bool full) {
    return eventually(Milliseconds(5000), [&] {
      return evaluate(tab, "document.fullscreenElement?.id === 'stage'") == full &&
             evaluate(tab, "document.getElementById('full-screen').ariaPressed") ==
                 (full ? "true" : "false");
    });
  };
  EXPECT_TRUE(becomes_full(false));
  press(tab, "f");
  EXPECT_TRUE(becomes_full(true));
  press(tab, "f");
  EXPECT_TRUE(becomes_full(false));
  EXPECT_EQ(evaluate(tab, kState), "playing");
}

}  // namespace
}  // namespace lumen::browser
