// The page behind a network that loses packets or grows narrow.
#include <algorithm>
#include <iostream>
#include <map>
#include <thread>

#include "page.h"
#include "relay.h"

namespace lumen::browser {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class NetworkTest : public PageTest {
 protected:
  void SetUp() override {
    PageTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto relay = Relay::start();
    ASSERT_TRUE(relay) << relay.error().describe();
    relay_ = std::move(*relay);
  }

  /// The page, connected through the relay, which notes when each picture was shown.
  void watch() {
    const std::string script = R"js(
      const plainFetch = window.fetch;
      window.fetch = async (url, options) => {
        const response = await plainFetch(url, options);
        if (url !== "/whep" || response.status !== 201) return response;
        const answer = (await response.text()).replace(/ 127\.0\.0\.1 (\d+) typ host/g,
          (all, port) => { window.hostPort = Number(port); return " 127.0.0.1 )js" +
                               std::to_string(relay_->port()) + R"js( typ host"; });
        return new Response(answer, {status: 201, headers: response.headers});
      };
      window.shown = [];
      addEventListener("DOMContentLoaded", () => {
        const video = document.querySelector("video");
        const step = (now) => { window.shown.push(now); video.requestVideoFrameCallback(step); };
        video.requestVideoFrameCallback(step);
      });)js";
    tab_ = open_page(script);
    json port;
    ASSERT_TRUE(eventually(Milliseconds(15000), [&] {
      const auto value = browser_->evaluate(tab_, "window.hostPort ?? 0");
      port = value.value_or(json(0));
      return port != 0;
    }));
    relay_->connect(port.get<std::uint16_t>());
    ASSERT_TRUE(becomes(tab_, "playing"));
  }

  json inbound() { return evaluate(tab_, kInbound); }

  /// The newest status that the host has printed.
  json status() {
    while (auto line = host_->read_line(Milliseconds(status_.is_null() ? 3000 : 0))) {
      status_ = json::parse(*line);
    }
    return status_;
  }

  struct Shown {
    double frames = 0;
    double longest_pause_ms = 0;
  };
  /// From what was shown since the last call.
  Shown take_shown() {
    const json times = evaluate(tab_, "window.shown.splice(0, window.shown.length - 1)");
    Shown shown{.frames = double(times.size())};
    for (std::size_t i = 1; i < times.size(); ++i) {
      shown.longest_pause_ms =
          std::max(shown.longest_pause_ms, times[i].get<double>() - times[i - 1].get<double>());
    }
    return shown;
  }

  std::unique_ptr<Relay> relay_;
  std::string tab_;
  json status_;
};

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

  // Each tenth of a second: what came through, and how long it stood.
  const auto observe = [&](double seconds, const auto& look) {
    const auto start = Clock::now();
    relay_->take_counts();
    for (double at = 0; at < seconds; at = seconds_since(start)) {
      std::this_thread::sleep_for(100ms);
      look(seconds_since(start), relay_->take_counts());
    }
  };
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
  const auto widened = Clock::now();
  EXPECT_TRUE(eventually(Milliseconds(15000), [&] {
    return status()["adaptation"]["bitrate_bps"].get<double>() >= 19e6;
  })) << status()["adaptation"].dump();
  std::cerr << "back at 20 Mb/s after " << seconds_since(widened) << " s\n";
  EXPECT_EQ(evaluate(tab_, kState), "playing");
}

}  // namespace
}  // namespace lumen::browser
