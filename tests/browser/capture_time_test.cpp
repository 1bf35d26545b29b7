// Each picture tells the page when it was captured, by the browser's own clock.
#include <algorithm>
#include <cmath>

#include "page.h"
#include "pictures.h"

namespace lumen::browser {
namespace {

constexpr Extent kPicture{640, 360};

/// Notes, of each new picture, its capture time in milliseconds since 1970 and its barcode's rows.
constexpr const char* kWatch = R"js((() => {
  const video = document.querySelector("video");
  const context = new OffscreenCanvas(640, 45).getContext("2d", {willReadFrequently: true});
  window.seen = [];
  const step = (now, {captureTime}) => {
    context.drawImage(video, 0, 0, 640, 45, 0, 0, 640, 45);
    const {data} = context.getImageData(0, 0, 640, 45);
    let text = "";
    for (let i = 1; i < data.length; i += 4) text += String.fromCharCode(data[i]);
    if (captureTime) window.seen.push([performance.timeOrigin + captureTime, btoa(text)]);
    video.requestVideoFrameCallback(step);
  };
  video.requestVideoFrameCallback(step);
})())js";

TEST_F(PageTest, KnowsWhenEachPictureWasCaptured) {
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
  host_->stop();
  const auto made = production_times(trace);
  ASSERT_TRUE(made) << made.error().describe();
  std::vector<double> late;
  for (const json& one : seen) {
    const auto number = number_in(one[1].get<std::string>(), kPicture);
    const auto found = number ? made->find(*number) : made->end();
    if (found != made->end()) late.push_back(one[0].get<double>() - found->second);
  }
  ASSERT_GE(late.size(), 30U) << "pictures recognized";
  std::ranges::sort(late);
  const double median = late[late.size() / 2];
  std::cerr << "capture times are off by " << median << " ms (" << late.front() << " to "
            << late.back() << ")\n";
  // The browser counts in milliseconds, and takes half of the round trip for one way.
  EXPECT_LT(std::abs(median), 5);
}

}  // namespace
}  // namespace lumen::browser
