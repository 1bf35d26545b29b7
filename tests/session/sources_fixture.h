// lumen-host on the casts of compositors that a test kills and starts again: for session tests.
#pragma once

#include <cstdio>

#include "capture/synthetic/barcode.h"
#include "harness/compositor.h"
#include "harness/decode.h"
#include "host.h"
#include "in_session.h"

namespace lumen::session {

inline int captured(const nlohmann::json& status) {
  return status["frames"]["captured"].get<int>();
}

class Sources : public InSession {
 protected:
  static constexpr Extent kSize{640, 360};
  static constexpr const char* kDisplay = "lumen-sources";

  void SetUp() override {
    InSession::SetUp();
    if (!ready()) return;
    session->set_env("WAYLAND_DISPLAY", kDisplay);
  }

  void start(CompositorKind kind, KwinPermissions permissions = KwinPermissions::kEverybody) {
    auto started = Compositor::start(
        kind, *session,
        {.size = kSize, .fps = 30, .display = kDisplay, .kwin_permissions = permissions});
    if (!started && started.error().kind == ErrorKind::kUnsupported) {
      GTEST_SKIP() << started.error().describe();
    }
    ASSERT_TRUE(started) << started.error().describe();
    compositor = std::move(*started);
  }
  /// KWin 6 renders with OpenGL only through a DRM device, and casts only then: tests/vm has one.
  void start_kwin_that_casts(KwinPermissions permissions = KwinPermissions::kEverybody) {
    start(CompositorKind::kKwin, permissions);
    if (IsSkipped() || HasFatalFailure()) return;
    if (kwin_major() >= 6) GTEST_SKIP() << "this KWin casts nothing without a DRM device";
  }
  unsigned kwin_major() {
    const auto version =
        session->output_of({(session->dir() / "kwin_wayland").string(), "--version"});
    unsigned major = 0;
    EXPECT_TRUE(version && std::sscanf(version->c_str(), "kwin %u.", &major) == 1);
    return major;
  }
  void show_pattern() {
    const auto client = compositor->start_client({LUMEN_PATTERN_CLIENT, "lumen test pattern"});
    ASSERT_TRUE(client) << client.error().describe();
  }

  void stream(const std::string& source, std::vector<std::string> more = {}) {
    std::vector<std::string> args = {"--source",  source, "--audio", "off",
                                     "--bitrate", "4M",   "--sink",  "file:" + recording()};
    args.insert(args.end(), more.begin(), more.end());
    auto started = Host::start(*session, args);
    ASSERT_TRUE(started) << started.error().describe();
    host.emplace(std::move(*started));
  }
  std::string recording() const { return (session->dir() / "out.mkv").string(); }

  /// That `more` further pictures of the source come.
  testing::AssertionResult pictures_come(int more = 10) {
    std::optional<int> before;
    const auto status = host->await(Milliseconds(40000), [&](const nlohmann::json& now_is) {
      if (!before) before = captured(now_is);
      return now_is["state"] == "streaming" && captured(now_is) >= *before + more;
    });
    if (status) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no pictures\n" << host->process().log_text();
  }
  testing::AssertionResult is_lost() {
    if (host->await(Milliseconds(20000),
                    [](const auto& status) { return status["state"] == "reconnecting"; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << host->process().log_text();
  }
  /// With the words in its status.
  testing::AssertionResult waits_for(const std::string& what) {
    if (host->await(Milliseconds(20000), [&](const nlohmann::json& status) {
          return status["state"] == "reconnecting" && status["reason"].is_string() &&
                 status["reason"].get<std::string>().find(what) != std::string::npos;
        })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "not waiting for: " << what << "\n"
                                       << host->process().log_text();
  }
  void expect_survival_of_pipewire() {
    ASSERT_TRUE(pictures_come());
    session->kill_pipewire();
    ASSERT_TRUE(is_lost());
    ASSERT_TRUE(session->start_pipewire());
    ASSERT_TRUE(pictures_come());
    EXPECT_EQ(host->interrupt(), 0);
  }
  testing::AssertionResult log_says(const std::string& text) {
    if (eventually(Milliseconds(20000),
                   [&] { return host->process().log_text().find(text) != std::string::npos; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "not said: " << text << "\n"
                                       << host->process().log_text();
  }

  /// Ends the stream; the numbers that the test pattern showed in the recording.
  std::vector<std::uint32_t> recorded_numbers() {
    EXPECT_EQ(host->interrupt(), 0) << host->process().log_text();
    std::vector<std::uint32_t> numbers;
    const auto video = decode_video(recording(), [&](DecodedFrame&& frame) {
      if (const auto number =
              barcode::read_luma(frame.luma.data(), Pitch{frame.size.width}, frame.size)) {
        if (numbers.empty() || numbers.back() != *number) numbers.push_back(*number);
      }
    });
    EXPECT_TRUE(video) << video.error().describe();
    if (video) {
      EXPECT_EQ(video->errors, 0U);
    }
    return numbers;
  }

  std::unique_ptr<Compositor> compositor;
  std::optional<Host> host;
};

}  // namespace lumen::session
