// Each picture tells the page when it was captured, by the browser's own clock.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "page.h"
#include "pictures.h"

namespace lumen::browser {
namespace {

constexpr Extent kPicture{640, 360};

/// Notes, of each new picture, its capture time in milliseconds since 1970 as the browser makes it
/// out and as the picture's packets say (null: they are another's), and its barcode's rows.
constexpr const char* kWatch = R"js((() => {
  const video = document.querySelector("video");
  const context = new OffscreenCanvas(640, 45).getContext("2d", {willReadFrequently: true});
  window.seen = [];
  const kFrom1900 = 2208988800000;
  const step = (now, {captureTime, rtpTimestamp}) => {
    context.drawImage(video, 0, 0, 640, 45, 0, 0, 640, 45);
    const {data} = context.getImageData(0, 0, 640, 45);
    let text = "";
    for (let i = 1; i < data.length; i += 4) text += String.fromCharCode(data[i]);
    const stamp = window.connections.at(-1).getReceivers().flatMap((receiver) =>
      receiver.getSynchronizationSources()).find((source) => source.rtpTimestamp === rtpTimestamp);
    if (captureTime) {
      window.seen.push([performance.timeOrigin + captureTime,
        stamp ? stamp.captureTimestamp - kFrom1900 : null, btoa(text)]);
    }
    video.requestVideoFrameCallback(step);
  };
  video.requestVideoFrameCallback(step);
})())js";

/// How far the wall clock is ahead of the monotonic one, in milliseconds, at any time of its life.
/// The two drift apart while the machine's time is being set right; milliseconds a second were
/// seen.
class WallClock {
 public:
  /// The wall time of an instant of the monotonic clock.
  [[nodiscard]] double at(double monotonic) const {
    const std::scoped_lock lock(mutex_);
    const auto after = ahead_.lower_bound(monotonic);
    return monotonic + (after == ahead_.end() ? std::prev(after) : after)->second;
  }

 private:
  void look() {
    using namespace std::chrono;
    const double before = monotonic_ms();
    const double wall =
        duration<double, std::milli>(system_clock::now().time_since_epoch()).count();
    const double after = monotonic_ms();
    if (after - before > 0.5) return;  // something came between
    const std::scoped_lock lock(mutex_);
    ahead_[before] = wall - (before + after) / 2;
  }

  mutable std::mutex mutex_;
  std::map<double, double> ahead_;
  std::jthread thread_{[this](const std::stop_token& stop) {
    for (; !stop.stop_requested(); std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
      look();
    }
  }};
};

TEST_F(PageTest, KnowsWhenEachPictureWasCaptured) {
  const WallClock wall;
  const auto trace = dir_ / "trace.json";
  start_host("synthetic:640x360@30", 0, "4M", "127.0.0.1", "", {"--trace", trace.string()});
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  evaluate(tab, kWatch);
  // The browser first has to learn how far the clocks are apart: from two sender reports.
  ASSERT_TRUE(eventually(Milliseconds(20000), [&] {
    const auto count = browser_->evaluate(tab, "window.seen.length");
    return count && *count >= 60;
  }));
  const json seen = evaluate(tab, "window.seen");
  const double page_ahead = ahead_of_monotonic(
      [&] { return evaluate(tab, "performance.timeOrigin + performance.now()").get<double>(); });
  host_->stop();
  const auto made = production_times(trace);
  ASSERT_TRUE(made) << made.error().describe();
  std::vector<double> late;
  std::vector<double> stamped;  // how late the picture says that it is
  for (const json& one : seen) {
    const auto number = number_in(one[2].get<std::string>(), kPicture);
    const auto found = number ? made->find(*number) : made->end();
    if (found == made->end()) continue;
    late.push_back(one[0].get<double>() - page_ahead - found->second);
    if (one[1].is_number()) stamped.push_back(one[1].get<double>() - wall.at(found->second));
  }
  ASSERT_GE(late.size(), 30U) << "pictures recognized";
  ASSERT_GE(stamped.size(), 10U) << "pictures that carry their capture time";
  for (const double off : stamped) EXPECT_LT(std::abs(off), 5);
  std::ranges::sort(late);
  const double median = late[late.size() / 2];
  std::cerr << "capture times are off by " << median << " ms (" << late.front() << " to "
            << late.back() << ")\n";
  // The browser takes half of the round trip for one way, which on a busy machine it isn't.
  EXPECT_LT(std::abs(median), 10);
}

}  // namespace
}  // namespace lumen::browser
