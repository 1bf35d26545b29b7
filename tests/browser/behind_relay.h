// A page whose way to the host leads through a relay that can lose, delay and narrow.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "page.h"
#include "relay.h"

namespace lumen::browser {

using namespace std::chrono_literals;

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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

  /// The page, whose way to the host leads through the relay; it notes when each picture was shown.
  void open_behind_relay(const std::string& more = "") {
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
    tab_ = open_page(script + more);
  }
  /// Lets the newest connection's packets through.
  void open_relay() {
    json port;
    ASSERT_TRUE(eventually(Milliseconds(15000), [&] {
      const auto value = browser_->evaluate(tab_, "window.hostPort ?? 0");
      port = value.value_or(json(0));
      return port != 0;
    }));
    relay_->connect(port.get<std::uint16_t>());
  }
  void watch() {
    open_behind_relay();
    open_relay();
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

  /// Looks each tenth of a second at the time since the beginning and at what came through since
  /// the last look.
  template <typename Look>
  void observe(double seconds, const Look& look) {
    const auto start = std::chrono::steady_clock::now();
    relay_->take_counts();
    for (double at = 0; at < seconds; at = seconds_since(start)) {
      std::this_thread::sleep_for(100ms);
      look(seconds_since(start), relay_->take_counts());
    }
  }

  std::unique_ptr<Relay> relay_;
  std::string tab_;
  json status_;
};

}  // namespace lumen::browser
