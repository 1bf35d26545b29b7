#include "app/pipeline/source_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/pipeline/source_list.h"
#include "capture/session/screen_cast.h"

namespace lumen {
namespace {

using testing::HasSubstr;

pipewire::NodeInfo node(std::uint32_t id, std::string name) {
  pipewire::NodeInfo info;
  info.id = id;
  info.serial = id + 100;
  info.name = std::move(name);
  return info;
}

pipewire::NodeInfo camera(std::uint32_t id) {
  pipewire::NodeInfo info = node(id, "v4l2_input.usb");
  info.camera = true;
  return info;
}

const session::OutputInfo kOutput{.name = "DP-1", .description = "Dell", .size = {2560, 1440}};

kwin::KwinView kwin(kwin::Permission permission) {
  return {.permission = permission, .outputs = {kOutput}};
}

TEST(ChooseSource, AGamescopeIsBestBecauseWhoeverRunsOnePlays) {
  const auto choice = choose_source({.nodes = {node(1, "gamescope"), node(2, "other")},
                                     .kwin = kwin(kwin::Permission::kGranted)});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->spec, SourceSpec{GamescopeSource{}});
}

TEST(ChooseSource, OfSeveralGamescopesTheUserMustChoose) {
  const auto choice = choose_source({.nodes = {node(1, "gamescope"), node(2, "gamescope")}});
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(choice.error().hint, HasSubstr("gamescope:2"));
}

TEST(ChooseSource, OneOfSeveralGamescopesIsWaitedForWhereTheUserWaits) {
  const auto choice = choose_source({.nodes = {node(1, "gamescope"), node(2, "gamescope")}},
                                    AbsentSource::kIsAwaited);
  ASSERT_FALSE(choice);
  EXPECT_TRUE(session::is_passing(choice.error()));
  EXPECT_THAT(choice.error().message, HasSubstr("gamescope:2"));
}

TEST(ChooseSource, TheCompositorComesBeforeTheCastsOfOtherPrograms) {
  const auto choice = choose_source(
      {.nodes = {node(1, "somebody's cast")}, .kwin = kwin(kwin::Permission::kGranted)});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->spec, SourceSpec{KwinSource{}});
  const auto gnome =
      choose_source({.nodes = {node(1, "somebody's cast")}, .mutter = std::vector{kOutput}});
  ASSERT_TRUE(gnome);
  EXPECT_EQ(gnome->spec, SourceSpec{MutterSource{}});
}

TEST(ChooseSource, SaysWhyKwinWasNotTaken) {
  const auto choice =
      choose_source({.nodes = {node(7, "a cast")}, .kwin = kwin(kwin::Permission::kMissing)});
  ASSERT_TRUE(choice);
  EXPECT_EQ(to_string(choice->spec), "node:serial=107");
  EXPECT_THAT(choice->why, HasSubstr("X-KDE-Wayland-Interfaces"));
}

TEST(ChooseSource, TheUserIsAskedOnlyWhereNothingElseShowsAPicture) {
  Surroundings around{.nodes = {camera(3)},
                      .kwin = kwin(kwin::Permission::kMissing),
                      .portal = DesktopPortal::kShares};
  const auto asked = choose_source(around);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->spec, SourceSpec{PortalSource{}});
  EXPECT_THAT(asked->why, HasSubstr("X-KDE-Wayland-Interfaces"));
  around.nodes.push_back(node(4, "a cast"));
  EXPECT_EQ(to_string(choose_source(around).value().spec), "node:serial=104");
}

TEST(ChooseSource, SaysWhyThereIsNothing) {
  const auto nothing = choose_source({});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::kNotFound);
  const auto forbidden =
      choose_source({.nodes = {camera(3)}, .kwin = kwin(kwin::Permission::kMissing)});
  ASSERT_FALSE(forbidden) << "nobody is filmed unasked";
  EXPECT_THAT(forbidden.error().message, HasSubstr("X-KDE-Wayland-Interfaces"));
  const auto headless = choose_source({.mutter = std::vector<session::OutputInfo>{}});
  ASSERT_FALSE(headless);
  EXPECT_THAT(headless.error().message, HasSubstr("mutter:virtual="));
}

TEST(ListSources, EachIsSpelledAsTheOptionTakesIt) {
  kwin::KwinView view = kwin(kwin::Permission::kGranted);
  view.windows = {{.uuid = "{1}", .title = "Game: b", .app_id = "game", .described = true}};
  const auto offers = list_sources({.nodes = {node(9, "cast"), node(4, "gamescope"), camera(5)},
                                    .kwin = view,
                                    .mutter = std::vector{kOutput},
                                    .portal = DesktopPortal::kShares});
  std::vector<std::string> sources;
  for (const SourceOffer& offer : offers) {
    EXPECT_TRUE(parse_source_spec(offer.source)) << offer.source;
    sources.push_back(offer.source);
  }
  EXPECT_THAT(sources,
              testing::ElementsAre("gamescope", "kwin:DP-1", "kwin:window=Game: b",
                                   "kwin:virtual=1920x1080", "mutter:DP-1",
                                   "mutter:virtual=1920x1080", "node:id=9", "node:id=5", "portal"));
  EXPECT_EQ(offers[1].size, kOutput.size);
}

TEST(ListSources, SeveralGamescopesAreNumbered) {
  const auto offers = list_sources({.nodes = {node(9, "gamescope"), node(4, "gamescope")}});
  ASSERT_EQ(offers.size(), 2U);
  EXPECT_EQ(offers[0].source, "gamescope:1");
  EXPECT_EQ(offers[0].node->id, 4U) << "the oldest is the first";
}

TEST(ListSources, WhatKwinForbidsIsAnObstacleAndNoOffer) {
  const Surroundings around{.kwin = kwin(kwin::Permission::kMissing)};
  EXPECT_TRUE(list_sources(around).empty());
  ASSERT_EQ(list_obstacles(around).size(), 1U);
}

}  // namespace
}  // namespace lumen
