// What somebody sees who opens the page, and what the host does about those who come and go.
#include "page.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <regex>

#include "capture/synthetic/pattern.h"
#include "pictures.h"

namespace lumen::browser {
namespace {

constexpr Extent kPicture{640, 360};

class PageTest : public browser::PageTest {
 protected:
  void expect_patches(const std::string& tab, double tolerance, Extent picture = kPicture);
};

/// The eight patches, in the middle of each.
void PageTest::expect_patches(const std::string& tab, double tolerance, Extent picture) {
  for (unsigned i = 0; i < kPatchCount; ++i) {
    const Rect rect = patch_rect(i, picture);
    const json pixel = evaluate(
        tab,
        "(() => { const v = document.querySelector('video'); const c = new "
        "OffscreenCanvas(v.videoWidth, v.videoHeight).getContext('2d'); c.drawImage(v, 0, 0); "
        "return [...c.getImageData(" +
            std::to_string(rect.x + rect.size.width / 2) + "," +
            std::to_string(rect.y + rect.size.height / 2) + ",1,1).data]; })()");
    const Rgb color = patch_color(i);
    EXPECT_NEAR(pixel[0].get<double>(), color.r, tolerance) << "patch " << i;
    EXPECT_NEAR(pixel[1].get<double>(), color.g, tolerance) << "patch " << i;
    EXPECT_NEAR(pixel[2].get<double>(), color.b, tolerance) << "patch " << i;
  }
}

TEST_F(PageTest, ShowsTheFirstPictureWithinASecond) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  double best = 1e9;
  // A busy machine may need more than one try.
  for (int i = 0; i < 5 && best > 1000; ++i) {
    ASSERT_TRUE(browser_->navigate(tab, url()));
    ASSERT_TRUE(comes_to_say(" comes (", static_cast<std::size_t>(i) + 2));
    ASSERT_TRUE(becomes(tab, "playing"));
    // From the navigation's start to the first picture that was presented.
    const json seen = evaluate(tab, "performance.getEntriesByName('first-picture')[0]?.startTime");
    ASSERT_TRUE(seen.is_number());
    best = std::min(best, seen.get<double>());
  }
  RecordProperty("first_picture_ms", std::to_string(best));
  std::cerr << "first picture after " << best << " ms\n";
  EXPECT_LE(best, 1000);
}

TEST_F(PageTest, WakesThePausedSourceAndShowsItsPictureWithinASecond) {
  start_host("synthetic:640x360@60", 0, "4M", "127.0.0.1", "", {"--verbose"});
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  double best = 1e9;
  for (std::size_t i = 0; i < 4 && best > 1000; ++i) {
    ASSERT_TRUE(browser_->navigate(tab, "about:blank"));
    ASSERT_TRUE(comes_to_say("nobody watches", i + 1));
    ASSERT_TRUE(browser_->navigate(tab, url()));
    ASSERT_TRUE(becomes(tab, "playing"));
    const json seen = evaluate(tab, "performance.getEntriesByName('first-picture')[0]?.startTime");
    ASSERT_TRUE(seen.is_number());
    best = std::min(best, seen.get<double>());
    EXPECT_GE(said("somebody comes"), i + 1);
  }
  std::cerr << "first picture after " << best << " ms\n";
  EXPECT_LE(best, 1000);

  // Nothing of the connections is left that would wake up by itself; the statistics do each second.
  ASSERT_TRUE(browser_->navigate(tab, "about:blank"));
  ASSERT_TRUE(comes_to_say("nobody watches", said("nobody watches") + 1));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const std::uint64_t wake_ups = host_->wake_ups();
  std::this_thread::sleep_for(std::chrono::seconds(5));
  EXPECT_LE(host_->wake_ups() - wake_ups, 15U);
}

TEST_F(PageTest, ShowsThatTheSessionIsWaitedFor) {
  start_host("node:not-there", 0, "4M", "127.0.0.1", "", {"--wait"});
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  EXPECT_EQ(evaluate(tab, "document.querySelector('video').videoWidth"), 1280);
  const json corner = evaluate(
      tab,
      "(() => { const v = document.querySelector('video'); const c = new "
      "OffscreenCanvas(v.videoWidth, v.videoHeight).getContext('2d'); c.drawImage(v, 0, 0); "
      "return [...c.getImageData(20, 20, 1, 1).data]; })()");
  const double background[] = {24, 26, 31};
  for (unsigned channel = 0; channel < 3; ++channel) {
    EXPECT_NEAR(corner[channel].get<double>(), background[channel], 6);
  }
  // It moves: pictures go on coming.
  const double before = evaluate(tab, kInbound).value("framesDecoded", 0.0);
  EXPECT_TRUE(eventually(Milliseconds(8000), [&] {
    return evaluate(tab, kInbound).value("framesDecoded", 0.0) > before + 5;
  }));
}

TEST_F(PageTest, ShowsThePicturesThatWereSent) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  // A busy machine may show one picture for a while, but never an older one again.
  std::uint32_t last = 0;
  for (int i = 0; i < 5; ++i) {
    std::optional<std::uint32_t> number;
    ASSERT_TRUE(eventually(Milliseconds(2000),
                           [&] {
                             number = number_in(evaluate(tab, kLuma), kPicture);
                             return number && *number != last;
                           }))
        << "still " << last;
    EXPECT_GT(*number, last);
    last = *number;
  }
  // Shown with BT.601's matrix, green would be 20 off.
  expect_patches(tab, 15);
}

TEST_F(PageTest, ShowsAv1) {
  start_host("synthetic:320x180@15", 0, "1M", "127.0.0.1", "", {"--codec", "av1"});
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  const json before = evaluate(tab, kInbound);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const json after = evaluate(tab, kInbound);
  EXPECT_GE(after.value("framesDecoded", 0.0) - before.value("framesDecoded", 0.0), 3 * 15 * 0.8);
  EXPECT_EQ(evaluate(tab, R"js((async () => {
    const report = await window.connections.at(-1).getStats();
    const inbound = [...report.values()].find((entry) => entry.type === "inbound-rtp"
      && entry.kind === "video");
    return report.get(inbound.codecId).mimeType;
  })())js"),
            "video/AV1");
  expect_patches(tab, 20, {320, 180});
}

TEST_F(PageTest, ShowsFullColour) {
  start_host("synthetic:640x360@30", 0, "4M", "127.0.0.1", "", {"--chroma", "444"});
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  // The statistics come a moment after the picture.
  const auto profile = [&] {
    return evaluate(tab, R"js((async () => {
    const report = await window.connections.at(-1).getStats();
    const inbound = [...report.values()].find((entry) => entry.type === "inbound-rtp"
      && entry.kind === "video");
    const line = inbound && report.get(inbound.codecId)?.sdpFmtpLine;
    return line ? line.match(/profile-level-id=(..)/)[1] : null;
  })())js");
  };
  EXPECT_TRUE(eventually(Milliseconds(5000), [&] { return profile() == "f4"; })) << profile();
  EXPECT_EQ(evaluate(tab,
                     "(() => { const frame = new VideoFrame(document.querySelector('video'), "
                     "{timestamp: 0}); const {format} = frame; frame.close(); return format; })()"),
            "I444");
  expect_patches(tab, 15);
}

TEST_F(PageTest, DecodesWhatItReceives) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const json before = evaluate(tab, kInbound);
  std::this_thread::sleep_for(std::chrono::seconds(8));
  const json after = evaluate(tab, kInbound);
  const auto grown = [&](const char* key) {
    return after.value(key, 0.0) - before.value(key, 0.0);
  };
  const double received = grown("framesReceived");
  std::cerr << "frames: received " << received << ", decoded " << grown("framesDecoded")
            << "; packets lost " << grown("packetsLost") << "; jitter buffer "
            << 1000 * grown("jitterBufferDelay") / std::max(1.0, grown("jitterBufferEmittedCount"))
            << " ms\n";
  EXPECT_GE(received, 8 * 20);
  EXPECT_GE(grown("framesDecoded"), received * 0.995 - 1);
  EXPECT_EQ(grown("packetsLost"), 0);
  EXPECT_EQ(after.value("decoderImplementation", ""), before.value("decoderImplementation", ""));
}

TEST_F(PageTest, TellsItsStatistics) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  EXPECT_EQ(evaluate(tab, "document.getElementById('statistics').hidden"), true);
  press(tab, "s");
  EXPECT_EQ(evaluate(tab, "document.getElementById('statistics').hidden"), false);
  const std::string text = "document.getElementById('figures').innerText";
  EXPECT_TRUE(eventually(Milliseconds(8000), [&] {
    const std::string figures = evaluate(tab, text);
    return figures.find("640 × 360") != figures.npos && figures.find("libx264") != figures.npos &&
           figures.find("cpu/shm") != figures.npos && figures.find("H264") != figures.npos &&
           std::regex_search(figures, std::regex(R"(Latency\s+[\d.]+ ms \(host [\d.]+, )"
                                                 R"(network [\d.]+, browser [\d.]+\))"));
  })) << evaluate(tab, text);
}

TEST_F(PageTest, PlaysAgainAfterAReloadAndTheOldSessionIsGone) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  std::size_t threads = 0;
  std::size_t fds = 0;
  for (std::size_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(browser_->navigate(tab, url()));
    ASSERT_TRUE(comes_to_say(" leaves after ", i));
    ASSERT_TRUE(becomes(tab, "playing"));
    if (i == 1) {
      threads = host_->threads();
      fds = host_->fd_count();
    }
  }
  EXPECT_TRUE(
      eventually(Milliseconds(15000),
                 [&] { return host_->threads() <= threads + 1 && host_->fd_count() <= fds + 2; }))
      << host_->threads() << " threads, before " << threads << "; " << host_->fd_count()
      << " fds, before " << fds;
}

TEST_F(PageTest, ServesSeveralWithOneEncoding) {
  start_host("synthetic:640x360@30");
  const std::string first = open_page();
  ASSERT_TRUE(becomes(first, "playing"));
  const std::string second = open_page();
  const std::string third = open_page();
  ASSERT_TRUE(becomes(second, "playing"));
  ASSERT_TRUE(becomes(third, "playing"));
  EXPECT_NE(evaluate(first, kInbound)["ssrc"], evaluate(second, kInbound)["ssrc"]);
  // Thirty encoded pictures a second, whoever watches.
  for (int i = 0; i < 20; ++i) {
    const auto line = host_->read_line(Milliseconds(5000));
    ASSERT_TRUE(line);
    if (said("(3 now)") == 0) continue;
    const json status = json::parse(*line);
    EXPECT_LE(status["fps"]["encoded"].get<double>(), 36);
    if (status["sinks"][0]["packets"].get<double>() > 500) break;
  }
}

// What an extra viewer costs is a figure for docs/benchmarks.md; that all of twenty see it is not.
TEST_F(PageTest, ServesTwenty) {
  start_host("synthetic:320x180@15");
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  const auto cpu_over = [&](std::chrono::seconds time) {
    const double before = host_->cpu_seconds();
    std::this_thread::sleep_for(time);
    return (host_->cpu_seconds() - before) / static_cast<double>(time.count());
  };
  const double one = cpu_over(std::chrono::seconds(3));
  const json connected = evaluate(tab, R"js((async () => {
    const viewer = async () => {
      const pc = new RTCPeerConnection();
      pc.addTransceiver("video", {direction: "recvonly"});
      await pc.setLocalDescription();
      const response = await fetch("/whep", {method: "POST", body: pc.localDescription.sdp,
        headers: {"Content-Type": "application/sdp"}});
      await pc.setRemoteDescription({type: "answer", sdp: await response.text()});
    };
    for (let i = 0; i < 19; ++i) await viewer();
    return window.connections.length;
  })())js");
  ASSERT_EQ(connected, 20);
  const char* const decoded = R"js((async () => Promise.all(window.connections.map(async (pc) =>
    [...(await pc.getStats()).values()].find((entry) => entry.type === "inbound-rtp")
      ?.framesDecoded ?? 0)))())js";
  ASSERT_TRUE(eventually(Milliseconds(20000), [&] {
    const json frames = evaluate(tab, decoded);
    return std::ranges::all_of(frames, [](const json& count) { return count > 5; });
  })) << evaluate(tab, decoded);
  const json before = evaluate(tab, decoded);
  const double twenty = cpu_over(std::chrono::seconds(4));
  const json after = evaluate(tab, decoded);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_GE(after[i].get<double>() - before[i].get<double>(), 4 * 15 * 0.9) << i;
  }
  std::cerr << "host: " << one * 100 << "% of a core for one, " << twenty * 100
            << "% for twenty: " << (twenty - one) / 19 * 100 << "% for each more\n";
}

TEST_F(PageTest, NoticesThatAViewerDied) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  ASSERT_TRUE(comes_to_say("(1 now)"));
  browser_->process().kill();
  EXPECT_TRUE(comes_to_say(" is gone after "));
  EXPECT_EQ(said("(0 now)"), 1U);
  start_browser();
  EXPECT_TRUE(becomes(open_page(), "playing"));
}

TEST_F(PageTest, SaysThatTheHostIsGoneAndComesBackWithIt) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  host_->stop();
  ASSERT_TRUE(becomes(tab, "gone"));
  EXPECT_EQ(evaluate(tab, "document.getElementById('headline').textContent"), "The host is gone");
  start_host("synthetic:640x360@60", port_);
  EXPECT_TRUE(becomes(tab, "playing", Milliseconds(25000)));
}

TEST_F(PageTest, SaysThatTheBrowserLacksTheCodec) {
  start_host();
  auto tab = browser_->open("about:blank");
  ASSERT_TRUE(tab);
  ASSERT_TRUE(browser_->command(*tab, "Page.enable", json::object()));
  // A browser that offers no H.264.
  ASSERT_TRUE(browser_->command(*tab, "Page.addScriptToEvaluateOnNewDocument",
                                {{"source",
                                  "window.original = window.fetch; window.fetch = (url, options) "
                                  "=> window.original(url, options?.body ? {...options, body: "
                                  "options.body.replaceAll('H264', 'H999')} : options);"}}));
  ASSERT_TRUE(browser_->navigate(*tab, url()));
  EXPECT_TRUE(becomes(*tab, "unsupported"));
}

TEST_F(PageTest, SaysThatTheBrowserLacksWebRtc) {
  start_host();
  const std::string tab = open_page("delete window.RTCPeerConnection;");
  EXPECT_TRUE(becomes(tab, "unsupported"));
  EXPECT_NE(text_of(tab, "advice").find("no WebRTC"), std::string::npos);
  EXPECT_TRUE(evaluate(tab, "document.getElementById('retry').checkVisibility()"));
}

TEST_F(PageTest, SaysWhatTheBrowserFailsWith) {
  start_host();
  const std::string tab = open_page(R"js(
    RTCPeerConnection.prototype.setRemoteDescription = async () => {
      throw new DOMException("no such transport", "OperationError");
    };)js");
  EXPECT_TRUE(becomes(tab, "unsupported"));
  EXPECT_EQ(text_of(tab, "advice"), "It says: no such transport");
}

// A browser whose decoder gets nothing of what arrives.
TEST_F(PageTest, SaysThatTheBrowserDecodesNothing) {
  start_host();
  const std::string tab = open_page(R"js(
    const Kept = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Kept {
      constructor() {
        super({encodedInsertableStreams: true});
        this.addEventListener("track", ({receiver}) => receiver.createEncodedStreams());
      }
    };)js");
  EXPECT_TRUE(becomes(tab, "undecoded"));
  EXPECT_EQ(text_of(tab, "headline"), "This browser can't show the stream");
  EXPECT_GT(evaluate(tab, kInbound).value("bytesReceived", 0.0), 100000);
}

TEST_F(PageTest, SaysThatTooManyWatchAndComesInWhenTheyHaveLeft) {
  start_host();
  const std::string first = open_page();
  ASSERT_TRUE(becomes(first, "playing"));
  EXPECT_EQ(evaluate(first, R"js((async () => {
    const post = () => fetch("/whep", {method: "POST", headers: {"Content-Type": "application/sdp"},
      body: window.connections[0].localDescription.sdp});
    window.others = await Promise.all(Array.from({length: 31}, post));
    return window.others.filter(({status}) => status === 201).length;
  })())js"),
            31);
  const std::string second = open_page();
  ASSERT_TRUE(becomes(second, "busy"));
  EXPECT_NE(text_of(second, "advice").find("32 are watching already"), std::string::npos);
  evaluate(first, R"js(Promise.all(window.others.map((response) =>
    fetch(response.headers.get("Location"), {method: "DELETE"}))).then(() => 0))js");
  EXPECT_TRUE(becomes(second, "playing"));
}

TEST_F(PageTest, SaysThatTheStreamHasEnded) {
  start_host();
  const std::string tab = open_page(R"js(
    const original = window.fetch;
    window.fetch = async (url, options) => url !== "/whep" ? original(url, options) :
      Response.json({detail: "the stream has ended", hint: "start it again"}, {status: 503});)js");
  ASSERT_TRUE(becomes(tab, "busy"));
  EXPECT_EQ(text_of(tab, "advice"), "the stream has ended; start it again");
  EXPECT_EQ(text_of(tab, "headline").find("watching"), std::string::npos);
}

// Answers with their meaning, and nothing of them is left behind.
TEST_F(PageTest, RefusesWrongOffers) {
  start_host();
  const std::string tab = open_page();
  ASSERT_TRUE(becomes(tab, "playing"));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const auto threads = host_->threads();
  const auto fds = host_->fd_count();
  const json statuses = evaluate(tab, R"js((async () => {
    const offer = window.connections[0].localDescription.sdp;
    const post = async (body, type = "application/sdp") =>
      (await fetch("/whep", {method: "POST", body, headers: {"Content-Type": type}})).status;
    const result = [];
    for (let i = 0; i < 5; ++i) {
      result.push(await post("nonsense"), await post(offer, "text/plain"),
        await post(offer.replace(/a=fingerprint:.*/g, "")), await post(offer.replaceAll("H264", "H1")),
        await post(offer.slice(0, 200)), await post("x".repeat(200000)));
    }
    result.push((await fetch("/whep/0123", {method: "DELETE"})).status);
    return result;
  })())js");
  ASSERT_EQ(statuses.size(), 31U);
  for (std::size_t i = 0; i < 30; i += 6) {
    EXPECT_EQ(statuses[i], 400);
    EXPECT_EQ(statuses[i + 1], 415);
    EXPECT_EQ(statuses[i + 2], 400);
    EXPECT_EQ(statuses[i + 3], 422);
    EXPECT_EQ(statuses[i + 4], 400);
    EXPECT_EQ(statuses[i + 5], 413);
  }
  EXPECT_EQ(statuses[30], 404);
  EXPECT_EQ(said(" comes ("), 1U);
  EXPECT_TRUE(
      eventually(Milliseconds(15000),
                 [&] { return host_->threads() <= threads + 1 && host_->fd_count() <= fds + 1; }))
      << host_->threads() << " threads, before " << threads << "; " << host_->fd_count()
      << " fds, before " << fds;
}

}  // namespace
}  // namespace lumen::browser
