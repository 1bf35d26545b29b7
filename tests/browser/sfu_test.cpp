// A real SFU between host and browser: mediasoup takes the stream by WHIP and gives it by WHEP.
#include <algorithm>
#include <cmath>

#include "mediasoup.h"
#include "page.h"
#include "pictures.h"

namespace lumen::browser {
namespace {

constexpr Extent kPicture{640, 360};

constexpr const char* kSound = R"js((async () => {
  const report = await window.connections.at(-1).getStats();
  return [...report.values()].find((entry) => entry.type === "inbound-rtp" && entry.kind === "audio") ?? {};
})())js";

class SfuPage : public PageTest {
 protected:
  void SetUp() override {
    PageTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto extra = session::mediasoup_environment();
    if (!extra) GTEST_SKIP() << "mediasoup was not made: tools/mediasoup-worker.sh make";
    extra->merge(session::inherited_environment());
    auto bridge =
        Process::spawn({.argv = {"node", LUMEN_SOURCE_DIR "/tools/examples/mediasoup/bridge.js"},
                        .env = *std::move(extra),
                        .log = dir_ / "bridge.log",
                        .standard_output = session::StandardOutput::kPipe});
    ASSERT_TRUE(bridge) << bridge.error().describe();
    bridge_.emplace(std::move(*bridge));
    const auto place = bridge_->read_value("watch at http://127.0.0.1:", Milliseconds(20000));
    ASSERT_TRUE(place) << bridge_->log_text();
    port_ = static_cast<unsigned>(std::stoul(*place));
  }
  void TearDown() override {
    if (HasFailure() && bridge_) std::cerr << "SFU:\n" << bridge_->log_text() << "\n";
    PageTest::TearDown();
  }

  void publish() {
    auto process =
        Process::spawn({.argv = {LUMEN_HOST_BINARY, "stream", "--no-config", "--source",
                                 "synthetic:640x360@30", "--audio", "synthetic", "--bitrate", "2M",
                                 "--sink", "whip:" + url() + "whip/live"},
                        .env = session::inherited_environment(),
                        .log = dir_ / "host.log"});
    ASSERT_TRUE(process) << process.error().describe();
    host_.emplace(std::move(*process));
    ASSERT_TRUE(comes_to_say("publishing to"));
  }

  /// Follows the pictures for a while; never an older one again.
  void expect_new_pictures(const std::string& tab) {
    std::uint32_t last = 0;
    for (int i = 0; i < 5; ++i) {
      std::optional<std::uint32_t> number;
      ASSERT_TRUE(eventually(Milliseconds(10000),
                             [&] {
                               const auto luma = browser_->evaluate(tab, kLuma);
                               if (!luma || !luma->is_string()) return false;
                               number = number_in(luma->get<std::string>(), kPicture);
                               return number && *number != last;
                             }))
          << "still " << last;
      EXPECT_GT(*number, last);
      last = *number;
    }
  }

  std::optional<Process> bridge_;
};

TEST_F(SfuPage, PassesPicturesAndSoundOnToItsViewers) {
  publish();
  const std::string first = open_page("", "?live");
  expect_new_pictures(first);
  // Who comes later gets a key frame, too.
  const std::string second = open_page("", "?live");
  expect_new_pictures(second);

  // Browsers let a page be heard once somebody has touched it, and decode what is heard.
  press(second, "u");
  evaluate(
      second,
      "(() => { const v = document.querySelector('video'); v.muted = false; return v.play(); })()");
  const json before = evaluate(second, kInbound);
  const json quiet = evaluate(second, kSound);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const json after = evaluate(second, kInbound);
  const json loud = evaluate(second, kSound);
  const auto grown = [](const json& from, const json& to, const char* key) {
    return to.value(key, 0.0) - from.value(key, 0.0);
  };
  std::cerr << "decoded " << grown(before, after, "framesDecoded") << " pictures in 3 s, "
            << grown(quiet, loud, "packetsReceived") << " packets of sound\n";
  EXPECT_GE(grown(before, after, "framesDecoded"), 3 * 30 * 0.8);
  EXPECT_EQ(after.value("packetsLost", 0), 0);
  EXPECT_GE(grown(quiet, loud, "packetsReceived"), 3 * 100 * 0.8);
  EXPECT_GT(grown(quiet, loud, "totalAudioEnergy"), 0);
  EXPECT_EQ(said("publishing to"), 1U) << "one connection carries all";
}

TEST_F(SfuPage, IsLeftWhenTheStreamEnds) {
  publish();
  const std::string tab = open_page("", "?live");
  expect_new_pictures(tab);
  host_->signal(SIGINT);
  const auto ending = host_->wait(Milliseconds(10000));
  ASSERT_TRUE(ending);
  EXPECT_TRUE(ending->clean()) << host_->log_text();
  // Nobody publishes under that name any more: its session is over at the SFU.
  EXPECT_TRUE(eventually(Milliseconds(5000), [&] {
    const auto status = browser_->evaluate(
        tab, "fetch('/whep/live', {method: 'POST', body: 'v=0'}).then((r) => r.status)");
    return status && *status == 404;
  }));
}

}  // namespace
}  // namespace lumen::browser
