// Glass to glass: from the producer's timestamp of a picture to its pixels on the page's canvas, in
// a headless Chromium on this machine. Pictures are told apart by their barcode; the host's trace
// says when each was produced.
//
//   lumen-bench-glass HOST [WxH@FPS [SECONDS]]
#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "browser/chromium.h"
#include "capture/synthetic/barcode.h"

namespace lumen::browser {
namespace {

using session::Process;

constexpr Extent kCode{192, 128};  // its barcode is 16 rows high

// Notes each new picture: its barcode, scaled down, and when its pixels were at hand.
constexpr const char* kWatch = R"js((() => {
  const video = document.querySelector("video");
  const context = new OffscreenCanvas(192, 16).getContext("2d", {willReadFrequently: true});
  window.seen = [];
  const step = () => {
    context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 8, 0, 0, 192, 16);
    const {data} = context.getImageData(0, 0, 192, 16);
    const at = performance.timeOrigin + performance.now();
    let text = "";
    for (let i = 1; i < data.length; i += 4) text += String.fromCharCode(data[i]);
    window.seen.push([at, btoa(text)]);
    video.requestVideoFrameCallback(step);
  };
  video.requestVideoFrameCallback(step);
})())js";

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "lumen-bench-glass: %s\n", what.c_str());
  std::exit(1);
}

std::optional<std::uint32_t> number_in(const std::string& base64) {
  gsize size = 0;
  guchar* const rows = g_base64_decode(base64.c_str(), &size);
  std::vector<std::uint8_t> luma(std::size_t{kCode.width} * kCode.height);
  std::copy_n(rows, std::min(size, luma.size()), luma.begin());
  g_free(rows);
  return barcode::read_luma(luma.data(), Pitch{kCode.width}, kCode);
}

/// When each picture was produced, in milliseconds since 1970, by its number.
std::map<std::uint32_t, double> production_times(const std::filesystem::path& trace) {
  using namespace std::chrono;
  const double offset =
      duration<double, std::milli>(system_clock::now().time_since_epoch()).count() -
      duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
  std::ifstream file(trace);
  const json events = json::parse(file, nullptr, false);
  if (!events.is_array()) give_up("the trace can't be read");
  std::map<int, std::string> tracks;
  std::map<std::uint32_t, double> times;
  for (const json& event : events) {
    if (event.value("name", "") == "thread_name")
      tracks[event.value("tid", 0)] = event["args"].value("name", "");
    if (event.value("ph", "") != "X" || tracks[event.value("tid", 0)] != "source") continue;
    times[event["args"]["frame"].get<std::uint32_t>() - 1] =
        event["ts"].get<double>() / 1e3 + offset;
  }
  return times;
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
  browser->reset();
  process->stop();
  const auto produced = production_times(dir / "trace.json");
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);

  std::vector<double> latencies;
  for (const json& one : *seen) {
    const auto number = number_in(one[1].get<std::string>());
    const auto found = number ? produced.find(*number) : produced.end();
    if (found != produced.end()) latencies.push_back(one[0].get<double>() - found->second);
  }
  if (latencies.size() < 10) give_up("too few pictures were recognized");
  std::ranges::sort(latencies);
  const auto at = [&](double share) {
    return latencies[static_cast<std::size_t>(share * double(latencies.size() - 1))];
  };
  fmt::print(
      "{}: {} pictures on the canvas in {} s, {} recognized; produced -> canvas p50 {:.1f}, "
      "p95 {:.1f}, p99 {:.1f}, longest {:.1f} ms\n",
      source, seen->size(), seconds, latencies.size(), at(0.5), at(0.95), at(0.99),
      latencies.back());
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
