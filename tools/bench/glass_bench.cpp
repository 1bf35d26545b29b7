// Glass to glass: from the producer's timestamp of a picture to its pixels on the page's canvas, in
// a headless Chromium on this machine. Pictures are told apart by their barcode; the host's trace
// says when each was produced.
//
//   lumen-bench-glass HOST [WxH@FPS [SECONDS]]
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "browser/chromium.h"
#include "browser/pictures.h"

namespace lumen::browser {
namespace {

using session::Process;

constexpr Extent kCode{192, 128};  // its barcode is 16 rows high

// Notes each new picture: its barcode, scaled down, when its pixels were at hand, and when it was
// captured as the browser knows it (null: it doesn't yet).
constexpr const char* kWatch = R"js((() => {
  const video = document.querySelector("video");
  const context = new OffscreenCanvas(192, 16).getContext("2d", {willReadFrequently: true});
  window.seen = [];
  const step = (now, {captureTime}) => {
    context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 8, 0, 0, 192, 16);
    const {data} = context.getImageData(0, 0, 192, 16);
    const at = performance.timeOrigin + performance.now();
    let text = "";
    for (let i = 1; i < data.length; i += 4) text += String.fromCharCode(data[i]);
    window.seen.push([at, btoa(text), captureTime ? performance.timeOrigin + captureTime : null]);
    video.requestVideoFrameCallback(step);
  };
  video.requestVideoFrameCallback(step);
})())js";

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "lumen-bench-glass: %s\n", what.c_str());
  std::exit(1);
}

std::string summary(std::vector<double>& milliseconds) {
  std::ranges::sort(milliseconds);
  const auto at = [&](double share) {
    return milliseconds[static_cast<std::size_t>(share * double(milliseconds.size() - 1))];
  };
  return fmt::format("p50 {:.1f}, p95 {:.1f}, p99 {:.1f}, longest {:.1f} ms", at(0.5), at(0.95),
                     at(0.99), milliseconds.back());
}

void run(const std::string& host, const std::string& source, int seconds) {
  char name[] = "/tmp/lumen-glass-XXXXXX";
  if (::mkdtemp(name) == nullptr) give_up("no directory for the run");
  const std::filesystem::path dir = name;
  auto process = Process::spawn(
      {.argv = {host, "stream", "--no-config", "--source", "synthetic:" + source, "--sink",
                "web:127.0.0.1:0", "--bitrate", "10M", "--trace", dir / "trace.json"},
       .env = session::inherited_environment(),
       .log = dir / "host.log"});
  if (!process) give_up(process.error().describe());
  auto browser = Chromium::start(dir / "browser");
  if (!browser) give_up(browser.error().describe());
  const std::string mark = "watch at ";
  std::string url;
  session::eventually(session::Milliseconds(20000), [&] {
    const std::string log = process->log_text();
    const auto at = log.find(mark);
    if (at == std::string::npos || log.find('\n', at) == std::string::npos) return false;
    url = log.substr(at + mark.size(), log.find('\n', at) - at - mark.size());
    return true;
  });
  const auto tab = (*browser)->open(url);
  if (!tab) give_up(tab.error().describe());
  const bool plays = session::eventually(session::Milliseconds(20000), [&] {
    const auto state = (*browser)->evaluate(*tab, "document.documentElement.dataset.state");
    return state && *state == "playing";
  });
  if (!plays) give_up("the page doesn't play:\n" + process->log_text());
  std::this_thread::sleep_for(std::chrono::seconds(2));
  (void)(*browser)->evaluate(*tab, kWatch);
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const auto seen = (*browser)->evaluate(*tab, "window.seen");
  if (!seen) give_up(seen.error().describe());
  const double ahead = ahead_of_monotonic([&] {
    const auto time = (*browser)->evaluate(*tab, "performance.timeOrigin + performance.now()");
    return time ? time->get<double>() : 0;
  });
  browser->reset();
  process->stop();
  const auto produced = production_times(dir / "trace.json");
  if (!produced) give_up(produced.error().describe());
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);

  std::vector<double> latencies;
  std::vector<double> told;  // the same, by what the pictures themselves say
  std::vector<double> errors;
  for (const json& one : *seen) {
    const auto number = number_in(one[1].get<std::string>(), kCode);
    const auto found = number ? produced->find(*number) : produced->end();
    if (found == produced->end()) continue;
    const double at = one[0].get<double>() - ahead;
    latencies.push_back(at - found->second);
    if (!one[2].is_number()) continue;
    const double captured = one[2].get<double>() - ahead;
    told.push_back(at - captured);
    errors.push_back(captured - found->second);
  }
  if (latencies.size() < 10) give_up("too few pictures were recognized");
  fmt::print("{}: {} pictures on the canvas in {} s, {} recognized; produced -> canvas {}\n",
             source, seen->size(), seconds, latencies.size(), summary(latencies));
  if (told.empty()) {
    fmt::print("no picture told its capture time\n");
    return;
  }
  std::ranges::sort(errors);
  fmt::print(
      "by their capture times ({} pictures) {}; those are off by {:.1f} ms ({:.1f} to {:.1f})\n",
      told.size(), summary(told), errors[errors.size() / 2], errors.front(), errors.back());
}

}  // namespace
}  // namespace lumen::browser

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: lumen-bench-glass HOST [WxH@FPS [SECONDS]]\n");
    return 2;
  }
  lumen::browser::run(argv[1], argc > 2 ? argv[2] : "1280x720@60",
                      argc > 3 ? std::atoi(argv[3]) : 20);
  return 0;
}
