// One lumen-host that serves its test pattern as a page, and one Chromium to look at it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "capture/synthetic/barcode.h"
#include "chromium.h"
#include "harness/process.h"

namespace lumen::browser {

using session::eventually;
using session::Process;

/// Kept by each tab from its beginning on: the connections that the page has made.
inline const std::string kKeepConnections = R"js(
  window.connections = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) { super(...args); window.connections.push(this); }
  };)js";

inline constexpr const char* kState = "document.documentElement.dataset.state";

/// The newest connection's inbound video, as getStats() has it.
inline constexpr const char* kInbound = R"js((async () => {
  const report = await window.connections.at(-1).getStats();
  return [...report.values()].find((entry) => entry.type === "inbound-rtp" && entry.kind === "video") ?? {};
})())js";

/// The page's picture as luma, in base64: the green channel does for black and white.
inline constexpr const char* kLuma = R"js((() => {
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(video, 0, 0);
  const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
  let text = "";
  for (let i = 1; i < data.length; i += 4) text += String.fromCharCode(data[i]);
  return btoa(text);
})())js";

class PageTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/lumen-browser-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    dir_ = name;
    start_browser();
  }
  void TearDown() override {
    if (HasFailure() && host_) std::cerr << "host:\n" << host_->log_text() << "\n";
    browser_.reset();
    host_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  void start_browser() {
    auto browser = Chromium::start(dir_ / ("browser" + std::to_string(++browsers_)));
    if (!browser && browser.error().kind == ErrorKind::kUnsupported) {
      GTEST_SKIP() << browser.error().describe();
    }
    ASSERT_TRUE(browser) << browser.error().describe();
    browser_ = std::move(*browser);
  }

  /// `port` 0: any that is free; then port_ says which. Secrets are kept in dir_.
  void start_host(const std::string& source = "synthetic:640x360@60", unsigned port = 0,
                  const std::string& bitrate = "4M", const std::string& address = "127.0.0.1",
                  const std::string& options = "", const std::vector<std::string>& more = {}) {
    auto environment = environment_;
    environment["XDG_STATE_HOME"] = dir_.string();
    const std::string sink = "web:" + address + ":" + std::to_string(port) + options;
    std::vector<std::string> argv = {
        LUMEN_HOST_BINARY, "stream", "--no-config", "--source", source, "--bitrate",
        bitrate,           "--sink", sink,          "--stats",  "json"};
    argv.insert(argv.end(), more.begin(), more.end());
    auto process = Process::spawn({.argv = std::move(argv),
                                   .env = environment,
                                   .log = dir_ / "host.log",
                                   .standard_output = session::StandardOutput::kPipe});
    ASSERT_TRUE(process) << process.error().describe();
    host_.emplace(std::move(*process));
    const std::string mark = "watch at ";
    ASSERT_TRUE(eventually(Milliseconds(30000), [&] {
      const std::string text = host_->log_text();
      const auto at = text.rfind(mark);
      const auto end = text.find("/\n", at);
      if (at == std::string::npos || end == std::string::npos) return false;
      encrypted_ = text.compare(at + mark.size(), 6, "https:") == 0;
      port_ = static_cast<unsigned>(std::stoul(text.substr(text.rfind(':', end) + 1)));
      return true;
    })) << host_->log_text();
  }

  [[nodiscard]] std::string url() const {
    return (encrypted_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) + "/";
  }

  /// `script` runs in the page before its own. Certificates are not checked.
  std::string open_page(const std::string& script = "", const std::string& path = "") {
    auto tab = browser_->open("about:blank");
    EXPECT_TRUE(tab) << tab.error().describe();
    if (!tab) return {};
    (void)browser_->command(*tab, "Page.enable", json::object());
    (void)browser_->command(*tab, "Security.setIgnoreCertificateErrors", {{"ignore", true}});
    (void)browser_->command(*tab, "Page.addScriptToEvaluateOnNewDocument",
                            {{"source", kKeepConnections + script}});
    const auto gone = browser_->navigate(*tab, url() + path);
    EXPECT_TRUE(gone) << gone.error().describe();
    return *tab;
  }

  json evaluate(const std::string& tab, const std::string& expression) {
    auto value = browser_->evaluate(tab, expression);
    EXPECT_TRUE(value) << expression << ": " << value.error().describe();
    return value.value_or(json());
  }

  bool becomes(const std::string& tab, const std::string& state,
               Milliseconds timeout = Milliseconds(15000)) {
    return eventually(timeout, [&] {
      const auto value = browser_->evaluate(tab, kState);
      return value && *value == state;
    });
  }

  /// The text that the page shows there.
  std::string text_of(const std::string& tab, const std::string& id) {
    const json text = evaluate(tab, "document.getElementById('" + id + "').innerText");
    return text.is_string() ? text.get<std::string>() : "";
  }
  bool comes_to_show(const std::string& tab, const std::string& id, const std::string& text) {
    return eventually(Milliseconds(10000), [&] {
      const auto shown = browser_->evaluate(tab, "document.getElementById('" + id + "').innerText");
      return shown && shown->is_string() &&
             shown->get<std::string>().find(text) != std::string::npos;
    });
  }
  void press(const std::string& tab, const std::string& key) {
    for (const char* kind : {"keyDown", "keyUp"}) {
      EXPECT_TRUE(browser_->command(tab, "Input.dispatchKeyEvent",
                                    {{"type", kind}, {"key", key}, {"text", key}}));
    }
  }

  /// How often the host has said that.
  [[nodiscard]] std::size_t said(const std::string& text) const {
    const std::string log = host_->log_text();
    std::size_t count = 0;
    for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
    return count;
  }
  bool comes_to_say(const std::string& text, std::size_t times = 1,
                    Milliseconds timeout = Milliseconds(15000)) {
    return eventually(timeout, [&] { return said(text) >= times; });
  }

  session::Environment environment_ = session::inherited_environment();  // of the host
  std::filesystem::path dir_;
  int browsers_ = 0;
  unsigned port_ = 0;
  bool encrypted_ = false;
  std::optional<Process> host_;
  std::unique_ptr<Chromium> browser_;
};

}  // namespace lumen::browser
