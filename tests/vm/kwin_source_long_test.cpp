// --source kwin on the real KWin 6, asked by lumen-host itself: outputs, windows and virtual
// outputs, streamed, and asked for again when KWin was killed.
#include "capture/session/kwin/kwin_cast.h"
#include "capture/session/screen_cast_source.h"
#include "new_sources.h"

namespace lumen::session {
namespace {

constexpr Extent kSize{640, 360};
constexpr const char* kDisplay = "lumen-sources";
constexpr const char* kTitle = "lumen test pattern";

class KwinSource : public NewSources {
 protected:
  void SetUp() override {
    NewSources::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    session_->set_env("WAYLAND_DISPLAY", kDisplay);
    start();
  }
  void start() {
    kwin_.reset();
    auto started =
        Compositor::start(CompositorKind::kKwin, *session_, {.size = kSize, .display = kDisplay});
    ASSERT_TRUE(started) << started.error().describe();
    kwin_ = std::move(*started);
  }
  void show_pattern(const std::vector<std::string>& where = {}) {
    std::vector<std::string> argv = {LUMEN_PATTERN_CLIENT};
    argv.insert(argv.end(), where.begin(), where.end());
    argv.emplace_back(kTitle);
    const auto client = kwin_->start_client(argv);
    ASSERT_TRUE(client) << client.error().describe();
  }
  bool lists(const std::string& source) {
    return eventually(kPatience, [&] {
      const auto sources = listed("kwin");
      return std::ranges::find(sources, source) != sources.end();
    });
  }

  std::unique_ptr<Compositor> kwin_;
};

TEST_F(KwinSource, ItsFirstOutputIsStreamed) {
  show_pattern();
  stream("kwin");
  ASSERT_TRUE(pictures_come(6));
  expect_recorded_pictures(kSize, 4);
}

TEST_F(KwinSource, AnOutputByItsListedNameIsStreamedAgainAfterACrash) {
  show_pattern();
  EXPECT_TRUE(lists(std::string("kwin:window=") + kTitle));
  EXPECT_TRUE(lists("kwin:virtual=1920x1080"));
  const std::vector<std::string> sources = listed("kwin");
  ASSERT_FALSE(sources.empty());
  std::printf("streams %s\n", sources.front().c_str());
  stream(sources.front());
  ASSERT_TRUE(pictures_come(6));
  kwin_->process().kill();
  ASSERT_TRUE(is_lost());
  start();
  show_pattern();
  ASSERT_TRUE(pictures_come(6));
  expect_recorded_pictures(kSize, 6);
}

TEST_F(KwinSource, RestsWhileNobodyLooks) {
  show_pattern();
  ::setenv("WAYLAND_DISPLAY", kDisplay, 1);
  ScreenCastSource source(std::make_unique<kwin::KwinCast>(kwin::KwinCastSettings{}));
  expect_rest(source);
}

TEST_F(KwinSource, AWindowIsAwaitedStreamedAndTakenUpAgain) {
  stream(std::string("kwin:window=") + kTitle);
  EXPECT_TRUE(log_says("KWin has no window titled \"lumen test pattern\""));
  show_pattern();
  ASSERT_TRUE(pictures_come(6));
  kwin_->stop_clients();
  ASSERT_TRUE(is_lost());
  show_pattern();
  ASSERT_TRUE(pictures_come(6));
  expect_recorded_pictures(kSize, 6);
}

TEST_F(KwinSource, AVirtualOutputIsMadeAndMadeAgainAfterACrash) {
  stream("kwin:virtual=640x360@10");
  ASSERT_TRUE(lists("kwin:Virtual-lumen")) << host_->process().log_text();
  show_pattern({"--output", "Virtual-lumen"});
  ASSERT_TRUE(pictures_come(6));
  EXPECT_TRUE(log_says(", 10 fps, "));
  kwin_->process().kill();
  ASSERT_TRUE(is_lost());
  start();
  ASSERT_TRUE(lists("kwin:Virtual-lumen")) << host_->process().log_text();
  show_pattern({"--output", "Virtual-lumen"});
  ASSERT_TRUE(pictures_come(6));
  expect_recorded_pictures(kSize, 6);
}

// A desktop for each of two viewers.
TEST_F(KwinSource, TwoHostsHaveAVirtualOutputEach) {
  stream("kwin:virtual=640x360@10");
  ASSERT_TRUE(lists("kwin:Virtual-lumen")) << host_->process().log_text();
  auto second = Host::start(
      *session_, {"--source", "kwin:virtual=320x180@10", "--audio", "off", "--encoder", "software",
                  "--sink", "file:" + (session_->dir() / "second.mkv").string()});
  ASSERT_TRUE(second) << second.error().describe();
  ASSERT_TRUE(lists("kwin:Virtual-lumen-2")) << second->process().log_text();
  show_pattern({"--output", "Virtual-lumen"});
  ASSERT_TRUE(pictures_come(4));
  EXPECT_EQ(second->interrupt(), 0) << second->process().log_text();
  EXPECT_TRUE(eventually(kPatience, [&] {
    const auto sources = listed("kwin");
    return std::ranges::find(sources, "kwin:Virtual-lumen-2") == sources.end();
  })) << "it outlives its host";
  ASSERT_TRUE(pictures_come(4)) << "the first goes on";
  expect_recorded_pictures(kSize, 4);
}

}  // namespace
}  // namespace lumen::session
