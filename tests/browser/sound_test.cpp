// What somebody hears who opens the page.
#include <algorithm>
#include <cmath>

#include "page.h"

namespace lumen::browser {
namespace {

constexpr const char* kSound = R"js((async () => {
  const report = await window.connections.at(-1).getStats();
  return [...report.values()].find((entry) => entry.type === "inbound-rtp" && entry.kind === "audio") ?? {};
})())js";

/// What the browser decodes the sound by.
constexpr const char* kFormat = R"js((async () => {
  const report = await window.connections.at(-1).getStats();
  const sound = [...report.values()].find((entry) => entry.type === "inbound-rtp" && entry.kind === "audio");
  return report.get(sound.codecId).sdpFmtpLine;
})())js";

/// How far the picture is ahead of the sound, in milliseconds, as the browser plays them; null
/// until it knows. It goes by the sender reports.
constexpr const char* kAhead = R"js((async () => {
  const report = await window.connections.at(-1).getStats();
  const played = (kind) => [...report.values()].find(
    (entry) => entry.type === "inbound-rtp" && entry.kind === kind)?.estimatedPlayoutTimestamp;
  const ahead = played("video") - played("audio");
  return Number.isFinite(ahead) ? ahead : null;
})())js";

/// How long a picture and a sound wait in the browser's buffers, on average, in milliseconds.
constexpr const char* kBuffers = R"js((async () => {
  const report = await window.connections.at(-1).getStats();
  return ["video", "audio"].map((kind) => {
    const now = [...report.values()].find((entry) => entry.type === "inbound-rtp" && entry.kind === kind);
    const then = (window.buffersThen ??= {})[kind] ?? {jitterBufferDelay: 0, jitterBufferEmittedCount: 0};
    window.buffersThen[kind] = now;
    return 1000 * (now.jitterBufferDelay - then.jitterBufferDelay) /
      (now.jitterBufferEmittedCount - then.jitterBufferEmittedCount);
  });
})())js";

class SoundPage : public PageTest {
 protected:
  std::string start_with_sound() {
    start_host("synthetic:640x360@30", 0, "4M", "127.0.0.1", "", {"--audio", "synthetic"});
    return open_page();
  }

  void press(const std::string& tab, const std::string& key) {
    for (const char* kind : {"keyDown", "keyUp"}) {
      ASSERT_TRUE(browser_->command(tab, "Input.dispatchKeyEvent",
                                    {{"type", kind}, {"key", key}, {"text", key}}));
    }
  }
};

TEST_F(SoundPage, PlaysTheSoundWhenItIsUnmuted) {
  const std::string tab = start_with_sound();
  ASSERT_TRUE(becomes(tab, "playing"));
  const std::string label = "document.getElementById('mute').innerText";
  const std::string muted = "document.querySelector('video').muted";
  EXPECT_EQ(evaluate(tab, muted), true);
  EXPECT_EQ(evaluate(tab, label), "Unmute");
  press(tab, "m");
  EXPECT_EQ(evaluate(tab, muted), false);
  EXPECT_TRUE(eventually(Milliseconds(2000), [&] { return evaluate(tab, label) == "Mute"; }));
  ASSERT_TRUE(eventually(Milliseconds(10000), [&] {
    return evaluate(tab, kSound).value("totalAudioEnergy", 0.0) > 0;
  })) << evaluate(tab, kSound);
  const json before = evaluate(tab, kSound);
  std::this_thread::sleep_for(std::chrono::seconds(4));
  const json after = evaluate(tab, kSound);
  const auto grown = [&](const char* key) {
    return after.value(key, 0.0) - before.value(key, 0.0);
  };
  std::cerr << "sound: " << grown("packetsReceived") << " packets, jitter "
            << after.value("jitter", 0.0) * 1000 << " ms, buffer "
            << 1000 * grown("jitterBufferDelay") / std::max(1.0, grown("jitterBufferEmittedCount"))
            << " ms, concealed " << grown("concealedSamples") << " of "
            << grown("totalSamplesReceived") << "\n";
  EXPECT_GT(grown("totalAudioEnergy"), 0);
  EXPECT_NEAR(grown("packetsReceived"), 400, 60);
  EXPECT_EQ(grown("packetsLost"), 0);
  EXPECT_LT(after.value("jitter", 1.0), 0.030);
  // Browsers decode to mono unless they are asked.
  EXPECT_NE(evaluate(tab, kFormat).get<std::string>().find("stereo=1"), std::string::npos);
  press(tab, "m");
  EXPECT_EQ(evaluate(tab, muted), true);
}

// Sound waits in the browser's jitter buffer, and pictures for the sound. What the host adds is
// held to 5 ms by session-sound; the page does the rest, because Chromium leaves differences below
// 30 ms as they are (kMinDeltaMs in WebRTC's stream_synchronization.cc).
TEST_F(SoundPage, SoundAndPictureAreTogether) {
  const std::string tab = start_with_sound();
  ASSERT_TRUE(becomes(tab, "playing"));
  press(tab, "m");
  ASSERT_TRUE(eventually(Milliseconds(20000), [&] { return evaluate(tab, kAhead).is_number(); }));
  // Browsers approach by steps, one a second.
  std::this_thread::sleep_for(std::chrono::seconds(12));
  std::vector<double> ahead;
  evaluate(tab, kBuffers);
  for (int i = 0; i < 7; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    ahead.push_back(evaluate(tab, kAhead).get<double>());
  }
  std::ranges::sort(ahead);
  const double median = ahead[ahead.size() / 2];
  std::cerr << "picture ahead of sound by " << median << " ms (" << ahead.front() << " to "
            << ahead.back() << "); ms in the buffers: " << evaluate(tab, kBuffers) << "\n";
  EXPECT_LT(std::abs(median), 20);
}

TEST_F(SoundPage, OffersNoSoundWhereThereIsNone) {
  start_host("synthetic:640x360@30");
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  EXPECT_EQ(evaluate(tab, "document.getElementById('mute').hidden"), true);
  press(tab, "m");
  EXPECT_EQ(evaluate(tab, "document.querySelector('video').muted"), true);
}

}  // namespace
}  // namespace lumen::browser
