// --source gamescope on the real one: found, followed, taken up again, and asked for a size and an
// application.
#include <fstream>

#include "gamescope.h"
#include "new_sources.h"

namespace lumen::session {
namespace {

class GamescopeSource : public NewSources {
 protected:
  Process play(const std::vector<std::string>& launcher = {}, const GamescopeOutput& output = {}) {
    auto started = play_gamescope(*session_, launcher, output);
    EXPECT_TRUE(started) << started.error().describe();
    return std::move(*started);
  }
  /// gamescope takes a window's application from an ancestor of its process: Steam's reaper.
  std::string make_reaper() {
    const std::filesystem::path reaper = session_->dir() / "reaper";
    // The shell stays: its name is what counts.
    std::ofstream(reaper) << "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n\"$@\"\n"
                             "exit $?\n";
    std::filesystem::permissions(reaper, std::filesystem::perms::owner_all);
    return reaper;
  }
  static testing::AssertionResult says(const Process& process, const std::string& text) {
    if (eventually(kPatience, [&] { return process.log_text().find(text) != std::string::npos; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << process.log_text();
  }
};

TEST_F(GamescopeSource, IsAwaitedStreamedAndTakenUpAgain) {
  stream("gamescope");
  EXPECT_TRUE(log_says("no gamescope runs"));
  Process game = play();
  ASSERT_TRUE(pictures_come(3));
  EXPECT_EQ(listed("gamescope"), std::vector<std::string>{"gamescope"});
  game.kill();
  ASSERT_TRUE(is_lost());
  game = play();
  ASSERT_TRUE(pictures_come(3));
  expect_recorded_pictures(kGamescopeSize, 4);
}

TEST_F(GamescopeSource, IsFollowedToAnotherSizeAndRate) {
  const auto is = [](unsigned width, unsigned height) {
    return [=](const nlohmann::json& status) {
      return status["state"] == "streaming" && status["capture"].is_object() &&
             status["capture"]["width"] == width && status["capture"]["height"] == height;
    };
  };
  Process game = play();
  stream("gamescope");
  ASSERT_TRUE(pictures_come(3));
  EXPECT_TRUE(host_->await(kPatience, is(320, 180))) << host_->process().log_text();
  game.kill();
  ASSERT_TRUE(is_lost());
  game = play({}, {.size = {480, 270}, .rate = 5});
  ASSERT_TRUE(pictures_come(3));
  EXPECT_TRUE(host_->await(kPatience, is(480, 270))) << host_->process().log_text();
  // The recording stays as it began.
  expect_recorded_pictures(kGamescopeSize, 4);
}

TEST_F(GamescopeSource, RestsWhileNobodyLooks) {
  Process game = play();
  pipewire::PipeWireSource source(
      {.node = pipewire::GamescopeNode{}, .absent = AbsentSource::kIsAwaited});
  expect_rest(source);
}

TEST_F(GamescopeSource, OfSeveralOneMustBeChosen) {
  Process first = play();
  Process second = play();
  std::vector<std::string> both;
  EXPECT_TRUE(eventually(kPatience, [&] { return (both = listed("gamescope")).size() == 2; }));
  EXPECT_EQ(both, (std::vector<std::string>{"gamescope:1", "gamescope:2"}));
  stream("gamescope");
  EXPECT_EQ(host_->exit_code(kPatience), 2);
  EXPECT_TRUE(log_says("2 gamescopes run (ask for gamescope:1 (PipeWire id "));
}

TEST_F(GamescopeSource, DrawsThePictureNoLargerThanItIsAskedTo) {
  Process game = play();
  stream("gamescope:size=160x160");
  ASSERT_TRUE(pictures_come(3));
  expect_recorded_pictures({160, 90}, 2);
}

TEST_F(GamescopeSource, ShowsTheApplicationThatItIsAskedFor) {
  Process game = play({make_reaper(), "SteamLaunch", "AppId=1234", "--"});
  stream("gamescope:app=1234");
  ASSERT_TRUE(pictures_come(3));
  EXPECT_TRUE(says(game, "Exposing appid 1234 "));
  expect_recorded_pictures(kGamescopeSize, 2);

  stream("gamescope:app=4321");
  EXPECT_TRUE(says(game, "Exposing appid 4321 "));
  EXPECT_FALSE(host_->await(Milliseconds(10000), [](const auto& status) {
    return status["frames"]["captured"] > 0;
  })) << "another one is shown";
}

}  // namespace
}  // namespace lumen::session
