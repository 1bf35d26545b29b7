// A minute (or some seconds) of a stream in the page: how many of the pictures that were sent are
// shown, and how evenly.
#pragma once

#include <chrono>
#include <cmath>
#include <iostream>
#include <string>
#include <thread>

#include "page.h"

namespace lumen::browser {

struct Watched {
  double received = 0;    // pictures, by getStats()
  double decoded = 0;     // of these
  double shown = 0;       // handed to the screen, by requestVideoFrameCallback()
  double due = 0;         // that the source made in the time between the first and the last of them
  double longest_ms = 0;  // that one picture stayed
  double packets_lost = 0;
};

class SmoothnessTest : public PageTest {
 protected:
  Watched watch(const std::string& size, double fps, const std::string& bitrate,
                std::chrono::seconds time) {
    const std::string source = "synthetic:" + size + "@" + std::to_string(std::lround(fps));
    start_host(source, 0, bitrate);
    const std::string tab = open_page(kKeepShown);
    EXPECT_TRUE(becomes(tab, "playing"));
    std::this_thread::sleep_for(std::chrono::seconds(3));
    (void)evaluate(tab, "window.shown = null");
    const json before = evaluate(tab, kInbound);
    std::this_thread::sleep_for(time);
    const json after = evaluate(tab, kInbound);
    const json shown = evaluate(tab, "window.shown");
    const auto grown = [&](const char* key) {
      return after.value(key, 0.0) - before.value(key, 0.0);
    };
    const auto span = [&](const char* first, const char* last) {
      return shown.value(last, 0.0) - shown.value(first, 0.0);
    };
    Watched seen{.received = grown("framesReceived"),
                 .decoded = grown("framesDecoded"),
                 .shown = span("first", "last"),
                 .due = span("begin", "end") / 1000 * fps,
                 .longest_ms = shown.value("longest", 0.0),
                 .packets_lost = grown("packetsLost")};
    std::cerr << source << ", " << time.count() << " s: " << seen.received << " received, "
              << seen.decoded << " decoded, " << seen.shown << " of " << seen.due
              << " shown, longest pause " << seen.longest_ms << " ms, " << seen.packets_lost
              << " packets lost\n";
    json status;
    while (auto line = host_->read_line(Milliseconds(0))) status = json::parse(*line);
    std::cerr << "the host's frames: " << status["frames"].dump() << "\n";
    EXPECT_GE(seen.due, 0.9 * fps * static_cast<double>(time.count())) << "the callbacks stopped";
    return seen;
  }

 private:
  // presentedFrames counts the pictures that went to the screen, those too that no callback came
  // for because the page was busy.
  static constexpr const char* kKeepShown = R"js(
      window.shown = null;
      addEventListener("DOMContentLoaded", () => {
        const video = document.querySelector("video");
        let before = null;
        const step = (now, {presentedFrames, presentationTime}) => {
          window.shown ??= {first: presentedFrames, begin: presentationTime, longest: 0};
          if (before && presentedFrames === before.presentedFrames + 1) {
            window.shown.longest = Math.max(window.shown.longest,
              presentationTime - before.presentationTime);
          }
          window.shown.last = presentedFrames;
          window.shown.end = presentationTime;
          before = {presentedFrames, presentationTime};
          video.requestVideoFrameCallback(step);
        };
        video.requestVideoFrameCallback(step);
      });)js";
};

}  // namespace lumen::browser
