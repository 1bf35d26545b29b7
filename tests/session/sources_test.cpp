// The compositors' own casts: lumen-host asks the real KWin and the real Mutter itself, and takes
// up again what goes away. A gamescope is played by our producer.
#include <fstream>

#include "doctor.h"
#include "sources_fixture.h"

namespace lumen::session {
namespace {

TEST_F(Sources, KwinsWindowIsAwaitedStreamedAndTakenUpAgain) {
  start_kwin_that_casts();
  if (IsSkipped() || HasFatalFailure()) return;
  stream("kwin:window=lumen test pattern");
  EXPECT_TRUE(log_says("KWin has no window titled \"lumen test pattern\""));
  show_pattern();
  ASSERT_TRUE(pictures_come());
  compositor->stop_clients();
  ASSERT_TRUE(is_lost());
  show_pattern();
  ASSERT_TRUE(pictures_come());
  EXPECT_GE(recorded_numbers().size(), 15U) << "both windows are in the recording";
}

TEST_F(Sources, AKwinThatIsKilledAndStartedAgainIsStreamedAgain) {
  start_kwin_that_casts();
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  stream("kwin:window=lumen test pattern");
  ASSERT_TRUE(pictures_come());
  compositor->process().kill();
  ASSERT_TRUE(is_lost());
  compositor.reset();
  start_kwin_that_casts();
  show_pattern();
  ASSERT_TRUE(pictures_come());
  EXPECT_GE(recorded_numbers().size(), 15U);
}

TEST_F(Sources, TheListHasKwinsWindows) {
  start_kwin_that_casts();
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  std::string list;
  EXPECT_TRUE(eventually(Milliseconds(10000), [&] {
    list = session->output_of({LUMEN_HOST_BINARY, "sources"}).value_or("");
    return list.find("kwin:window=lumen test pattern") != std::string::npos;
  })) << list;
}

TEST_F(Sources, WhatKwinDoesNotHaveIsNamed) {
  start(CompositorKind::kKwin);
  if (IsSkipped() || HasFatalFailure()) return;
  stream("kwin:DP-9");
  EXPECT_EQ(host->exit_code(Milliseconds(20000)), 2);
  EXPECT_TRUE(log_says("KWin has no output DP-9 (there is "));
  if (kwin_major() >= 6) return;
  // Plasma 5's backend without a screen can't make outputs.
  stream("kwin:virtual=800x600");
  EXPECT_EQ(host->exit_code(Milliseconds(20000)), 7);
  EXPECT_TRUE(log_says("KWin makes no virtual output"));
}

TEST_F(Sources, AKwinThatForbidsItIsToldWithWhatMustBeDone) {
  start(CompositorKind::kKwin, KwinPermissions::kChecked);
  if (IsSkipped() || HasFatalFailure()) return;
  stream("kwin");
  EXPECT_EQ(host->exit_code(Milliseconds(20000)), 7);
  EXPECT_TRUE(log_says("KWin doesn't let lumen-host cast its screen"));
  EXPECT_TRUE(log_says("X-KDE-Wayland-Interfaces=zkde_screencast_unstable_v1"));
  EXPECT_TRUE(log_says(std::string("Exec=") + LUMEN_HOST_BINARY));
}

TEST_F(Sources, DoctorSaysWhatKwinForbidsOrThatItCasts) {
  start(CompositorKind::kKwin, KwinPermissions::kChecked);
  if (IsSkipped() || HasFatalFailure()) return;
  const auto forbidden =
      doctor_finding(*session, "source", "KWin doesn't let lumen-host cast its screen");
  EXPECT_EQ(forbidden.value("verdict", ""), "bad") << forbidden;
  EXPECT_NE(forbidden.value("advice", "").find("X-KDE-Wayland-Interfaces"), std::string::npos);
  compositor.reset();
  start(CompositorKind::kKwin);
  if (IsSkipped() || HasFatalFailure()) return;
  const auto allowed = doctor_finding(*session, "source", "--source auto would take kwin");
  EXPECT_EQ(allowed.value("verdict", ""), "good") << allowed;
}

TEST_F(Sources, ADesktopFileIsWhatKwinWants) {
  const auto folder = session->dir() / "data/applications";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "lumen.desktop")
      << "[Desktop Entry]\nType=Application\nName=lumen\nNoDisplay=true\nExec=" << LUMEN_HOST_BINARY
      << "\nX-KDE-Wayland-Interfaces=zkde_screencast_unstable_v1,"
         "org_kde_plasma_window_management\n";
  start_kwin_that_casts(KwinPermissions::kChecked);
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  stream("kwin:window=lumen test pattern");
  ASSERT_TRUE(pictures_come());
  EXPECT_EQ(host->interrupt(), 0);
}

TEST_F(Sources, AutoTakesMutterAndSaysSo) {
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  stream("auto");
  ASSERT_TRUE(pictures_come());
  EXPECT_TRUE(log_says("auto: mutter, because Mutter runs"));
  const auto status = host->status();
  ASSERT_TRUE(status);
  EXPECT_EQ((*status)["source"], "Mutter monitor Meta-0");
  EXPECT_GE(recorded_numbers().size(), 8U);
}

TEST_F(Sources, AutoThatWaitsTakesTheMutterThatComes) {
  stream("auto", {"--wait"});
  ASSERT_TRUE(waits_for("PipeWire has nothing to stream"));
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  ASSERT_TRUE(pictures_come());
  EXPECT_TRUE(log_says("auto: mutter, because Mutter runs"));
  EXPECT_GE(recorded_numbers().size(), 8U);
}

TEST_F(Sources, MuttersVirtualMonitorHasTheSizeAndRateThatWereAskedFor) {
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  stream("mutter:virtual=800x600@10");
  const auto status = host->await(Milliseconds(20000), [](const auto& s) {
    return s["width"] == 800 && s["height"] == 600 && captured(s) > 0;
  });
  EXPECT_TRUE(status) << host->process().log_text();
  EXPECT_TRUE(log_says(", 10 fps, "));
  EXPECT_EQ(host->interrupt(), 0);
}

TEST_F(Sources, AMutterThatIsKilledAndStartedAgainIsStreamedAgain) {
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  stream("mutter:Meta-0");
  ASSERT_TRUE(pictures_come());
  compositor->process().kill();
  ASSERT_TRUE(is_lost());
  compositor.reset();
  start(CompositorKind::kMutter);
  show_pattern();
  ASSERT_TRUE(pictures_come());
  EXPECT_GE(recorded_numbers().size(), 15U);
}

TEST_F(Sources, KwinIsAskedAgainWhenPipeWireWasRestarted) {
  start_kwin_that_casts();
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  stream("kwin:window=lumen test pattern");
  expect_survival_of_pipewire();
}

TEST_F(Sources, MutterIsAskedAgainWhenPipeWireWasRestarted) {
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  show_pattern();
  stream("mutter");
  expect_survival_of_pipewire();
}

TEST_F(Sources, WhatMutterDoesNotHaveIsNamed) {
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  stream("mutter:DP-9");
  EXPECT_EQ(host->exit_code(Milliseconds(20000)), 2);
  EXPECT_TRUE(log_says("Mutter has no monitor DP-9 (there is Meta-0)"));
}

TEST_F(Sources, WhoWaitsWaitsForAnOutputOfKwinsToo) {
  start(CompositorKind::kKwin);
  if (IsSkipped() || HasFatalFailure()) return;
  stream("kwin:DP-9", {"--wait"});
  ASSERT_TRUE(waits_for("KWin has no output DP-9"));
  EXPECT_TRUE(log_says("KWin has no output DP-9: there is "));
  EXPECT_EQ(host->interrupt(), 0);
}

TEST_F(Sources, AMonitorThatIsOffAtTheStartIsTakenUpWhenItComes) {
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  stream("mutter:Meta-1", {"--wait"});
  ASSERT_TRUE(waits_for("Mutter has no monitor Meta-1"));
  EXPECT_TRUE(log_says("Mutter has no monitor Meta-1: there is Meta-0"));
  // A virtual monitor, which is one more of Mutter's monitors as long as somebody streams it.
  auto other = Host::start(*session, {"--source", "mutter:virtual=800x600", "--audio", "off",
                                      "--sink", "file:/dev/null?format=mkv"});
  ASSERT_TRUE(other) << other.error().describe();
  EXPECT_TRUE(host->await(Milliseconds(20000), [](const nlohmann::json& status) {
    return status["source"] == "Mutter monitor Meta-1" && status["state"] == "streaming";
  })) << host->process().log_text();
  EXPECT_EQ(host->interrupt(), 0);
  EXPECT_EQ(other->interrupt(), 0);
}

TEST_F(Sources, TheListHasWhatTheCompositorOffers) {
  start(CompositorKind::kMutter);
  if (IsSkipped() || HasFatalFailure()) return;
  const auto output = session->output_of({LUMEN_HOST_BINARY, "sources", "--json"});
  ASSERT_TRUE(output) << output.error().describe();
  const auto list = nlohmann::json::parse(*output);
  ASSERT_GE(list.size(), 2U) << *output;
  EXPECT_EQ(list[0]["source"], "mutter:Meta-0");
  EXPECT_EQ(list[0]["width"], kSize.width);
  EXPECT_EQ(list[1]["source"], "mutter:virtual=1920x1080");
}

class Gamescopes : public Sources {
 protected:
  Process play() {
    auto process = session->spawn({LUMEN_TEST_PRODUCER, "--name", "gamescope", "--like",
                                   "gamescope", "--size", "320x180", "--fps", "30"},
                                  StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(10000)));
    return std::move(*process);
  }
};

TEST_F(Gamescopes, OneIsAwaitedStreamedAndTakenUpAgain) {
  stream("gamescope");
  EXPECT_TRUE(log_says("no gamescope runs"));
  auto game = play();
  ASSERT_TRUE(pictures_come());
  game.kill();
  ASSERT_TRUE(is_lost());
  game = play();
  ASSERT_TRUE(pictures_come());
  EXPECT_EQ(host->interrupt(), 0);
}

TEST_F(Gamescopes, WhoWaitsIsToldOfSeveralAndGetsTheOneThatIsLeft) {
  for (const char* source : {"gamescope", "auto"}) {
    auto first = play();
    auto second = play();
    auto third = play();
    stream(source, {"--wait"});
    ASSERT_TRUE(waits_for("3 gamescopes run; ask for gamescope:1 (PipeWire id ")) << source;
    third.kill();
    ASSERT_TRUE(waits_for("2 gamescopes run; ask for gamescope:1 (PipeWire id ")) << source;
    second.kill();
    ASSERT_TRUE(pictures_come()) << source;
    EXPECT_EQ(host->interrupt(), 0);
    first.kill();
  }
}

TEST_F(Gamescopes, OfSeveralOneMustBeChosen) {
  auto first = play();
  auto second = play();
  for (const char* source : {"gamescope", "auto"}) {
    stream(source);
    EXPECT_EQ(host->exit_code(Milliseconds(20000)), 2) << source;
    EXPECT_TRUE(log_says("2 gamescopes run (ask for gamescope:1 (PipeWire id "));
  }
  stream("gamescope:2");
  ASSERT_TRUE(pictures_come());
  second.kill();
  ASSERT_TRUE(is_lost()) << "the first is another game";
  second = play();
  ASSERT_TRUE(pictures_come());
  EXPECT_EQ(host->interrupt(), 0);
}

}  // namespace
}  // namespace lumen::session
