// The page behind a network that loses packets or grows narrow.
#include <algorithm>
#include <iostream>
#include <thread>

#include "behind_relay.h"

namespace lumen::browser {
namespace {

struct Lossy {
  const char* name;
  Line line;
  bool without_key_frames;
};

class LossTest : public NetworkTest, public testing::WithParamInterface<Lossy> {};

TEST_P(LossTest, CostsNoPictureThatCanBeSentAgain) {
  start_host("synthetic:640x360@30");
  watch();
  Line line = GetParam().line;
  line.delay = 20ms;
  relay_->set(line);
  std::this_thread::sleep_for(1s);
  take_shown();
  relay_->take_counts();
  const json before = inbound();
  const double keys = status()["frames"]["key"];
  const double encoded = status()["frames"]["encoded"];
  std::this_thread::sleep_for(10s);
  const Shown shown = take_shown();
  const json after = inbound();
  const auto counts = relay_->take_counts();
  const double sent = status()["frames"]["encoded"].get<double>() - encoded;
  const double decoded = after.value("framesDecoded", 0.0) - before.value("framesDecoded", 0.0);
  std::cerr << "lost " << counts.lost << " of " << counts.packets + counts.lost << " packets; "
            << decoded << " frames decoded, " << shown.frames << " shown, of about " << sent
            << "; longest pause " << shown.longest_pause_ms << " ms; "
            << status()["frames"]["key"].get<double>() - keys << " key frames, "
            << after.value("freezeCount", 0.0) - before.value("freezeCount", 0.0) << " freezes\n";
  EXPECT_GT(counts.lost, 0U);
  EXPECT_LE(shown.longest_pause_ms, 500);
  EXPECT_GE(shown.frames, 300 * 0.9);
  if (GetParam().without_key_frames) {
    EXPECT_EQ(status()["frames"]["key"].get<double>(), keys) << "repaired by sending again";
  }
}

INSTANTIATE_TEST_SUITE_P(Losses, LossTest,
                         testing::Values(Lossy{"OnePercent", {.loss = 0.01}, true},
                                         Lossy{"ThreePercent", {.loss = 0.03}, true},
                                         Lossy{"FivePercent", {.loss = 0.05}, false},
                                         Lossy{
                                             "BurstsOfTwenty", {.loss = 0.02, .burst = 20}, false}),
                         [](const auto& one) { return one.param.name; });

TEST_F(NetworkTest, FollowsADropAndComesBack) {
  start_host("synthetic:1280x720@30", 0, "20M");
  relay_->set({.bits_per_second = 25e6, .delay = 20ms});
  watch();
  std::this_thread::sleep_for(4s);

  double bytes = 0;
  observe(2, [&](double, const Relay::Counts& counts) { bytes += double(counts.bytes); });
  const double before = bytes * 8 / 2 / 1e6;
  EXPECT_GE(before, 15) << "Mb/s on a wide way";

  relay_->set({.bits_per_second = 3e6, .delay = 20ms});
  double rate_then = 0;
  double longest_ms = 0;
  observe(10, [&](double at, const Relay::Counts& counts) {
    const double ms = double(counts.longest.count()) / 1e6;
    if (at > 2 && at <= 4) rate_then += double(counts.bytes) * 8 / 2 / 1e6;
    if (at > 3) longest_ms = std::max(longest_ms, ms);
    std::cerr << at << " s: " << double(counts.bytes) * 8 / 0.1 / 1e6 << " Mb/s, queue " << ms
              << " ms, lost " << counts.overflowed << "\n";
  });
  EXPECT_LE(rate_then, 3.2) << "Mb/s, two seconds after the drop";
  EXPECT_GE(rate_then, 1.0);
  EXPECT_LE(longest_ms, 200) << "in the queue, from three seconds after the drop on";
  EXPECT_EQ(status()["adaptation"]["cause"], "network");
  EXPECT_LE(status()["adaptation"]["bitrate_bps"].get<double>(), 3.2e6);

  relay_->set({.bits_per_second = 25e6, .delay = 20ms});
  const auto widened = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually(Milliseconds(15000), [&] {
    return status()["adaptation"]["bitrate_bps"].get<double>() >= 19e6;
  })) << status()["adaptation"].dump();
  std::cerr << "back at 20 Mb/s after " << seconds_since(widened) << " s\n";
  EXPECT_EQ(evaluate(tab_, kState), "playing");
}

// As behind a firewall that blocks UDP: over several attempts the page says so, and nothing else.
TEST_F(NetworkTest, SaysThatTheNetworkKeepsThePictureAway) {
  start_host("synthetic:640x360@30");
  open_behind_relay(R"js(
    window.states = [];
    addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
      const {state} = document.documentElement.dataset;
      if (state !== window.states.at(-1)) window.states.push(state);
    }).observe(document.documentElement, {attributeFilter: ["data-state"]}));)js");
  ASSERT_TRUE(becomes(tab_, "blocked"));
  EXPECT_EQ(text_of(tab_, "headline"), "The network keeps the picture away");
  EXPECT_NE(text_of(tab_, "advice").find("UDP"), std::string::npos);
  ASSERT_TRUE(eventually(Milliseconds(40000),
                         [&] { return evaluate(tab_, "window.connections.length") == 3; }));
  EXPECT_EQ(evaluate(tab_, "window.states"), json({"blocked"}));
  EXPECT_TRUE(eventually(Milliseconds(40000), [&] {
    open_relay();
    return evaluate(tab_, kState) == "playing";
  }));
}

// While the connection stands, and so before the browser takes it for lost.
TEST_F(NetworkTest, SaysThatTheNetworkLosesThePicture) {
  start_host("synthetic:640x360@30");
  watch();
  relay_->set({.loss = 1});
  EXPECT_TRUE(becomes(tab_, "blocked"));
  relay_->set({});
  EXPECT_TRUE(becomes(tab_, "playing", Milliseconds(40000)));
}

}  // namespace
}  // namespace lumen::browser
