#include "app/options/source_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen {
namespace {

TEST(SourceSpec, EveryFormIsUnderstood) {
  EXPECT_EQ(parse_source_spec("auto").value(), SourceSpec{AutoSource{}});
  EXPECT_EQ(parse_source_spec("node:gamescope").value(),
            SourceSpec{NodeSource{NodeName{"gamescope"}}});
  EXPECT_EQ(parse_source_spec("node:id=41").value(), SourceSpec{NodeSource{NodeId{41}}});
  EXPECT_EQ(parse_source_spec("node:serial=5000000000").value(),
            SourceSpec{NodeSource{NodeSerial{5'000'000'000}}});
  EXPECT_EQ(parse_source_spec("synthetic").value(), SourceSpec{SyntheticSpec{}});
  EXPECT_EQ(parse_source_spec("synthetic:640x480@30").value(),
            SourceSpec{SyntheticSpec{"640x480@30"}});
  EXPECT_EQ(parse_source_spec("portal").value(), SourceSpec{PortalSource{}});
  EXPECT_EQ(parse_source_spec("portal:window").value(),
            SourceSpec{PortalSource{PortalShare::kWindow}});
}

TEST(SourceSpec, CompositorsAreAskedForOutputsWindowsAndVirtualOutputs) {
  using session::FirstOutput, session::NamedOutput, session::TitledWindow, session::VirtualOutput;
  EXPECT_EQ(parse_source_spec("kwin").value(), SourceSpec{KwinSource{FirstOutput{}}});
  EXPECT_EQ(parse_source_spec("kwin:DP-1").value(), SourceSpec{KwinSource{NamedOutput{"DP-1"}}});
  EXPECT_EQ(parse_source_spec("kwin:window=A: b=c").value(),
            SourceSpec{KwinSource{TitledWindow{"A: b=c"}}});
  EXPECT_EQ(parse_source_spec("kwin:virtual=1280x720@120").value(),
            (SourceSpec{KwinSource{VirtualOutput{{1280, 720}, 120}}}));
  EXPECT_EQ(parse_source_spec("mutter").value(), SourceSpec{MutterSource{FirstOutput{}}});
  EXPECT_EQ(parse_source_spec("mutter:Meta-0").value(),
            SourceSpec{MutterSource{NamedOutput{"Meta-0"}}});
  EXPECT_EQ(parse_source_spec("mutter:virtual=640x360").value(),
            (SourceSpec{MutterSource{VirtualOutput{{640, 360}, 0}}}));
  EXPECT_EQ(parse_source_spec("gamescope").value(), SourceSpec{GamescopeSource{}});
  EXPECT_EQ(parse_source_spec("gamescope:2").value(), SourceSpec{GamescopeSource{.number = 2}});
}

TEST(SourceSpec, AGamescopeMayBeAskedForASizeAndAnApplication) {
  EXPECT_EQ(parse_source_spec("gamescope:size=1280x720").value(),
            (SourceSpec{GamescopeSource{.largest = Extent{1280, 720}}}));
  EXPECT_EQ(parse_source_spec("gamescope:2:app=570:size=640x360").value(),
            (SourceSpec{GamescopeSource{.number = 2, .largest = Extent{640, 360}, .app_id = 570}}));
}

TEST(SourceSpec, NodeNamesMayHoldColonsBlanksAndDigits) {
  for (const char* name : {"v4l2_input.pci-0000:00", "My Screen", "41", "idle", "serialized"}) {
    EXPECT_EQ(parse_source_spec(std::string("node:") + name).value(),
              SourceSpec{NodeSource{NodeName{name}}});
  }
}

TEST(SourceSpec, WritingIsTheInverseOfParsing) {
  for (const char* text : {"auto",
                           "node:x",
                           "node:id=7",
                           "node:serial=8",
                           "synthetic",
                           "synthetic:64x64@5",
                           "gamescope",
                           "gamescope:3",
                           "gamescope:size=640x480",
                           "gamescope:app=4294967295",
                           "gamescope:2:size=640x480:app=570",
                           "kwin",
                           "kwin:HDMI-A-1",
                           "kwin:window=x",
                           "kwin:window=",
                           "kwin:virtual=640x480",
                           "mutter",
                           "mutter:Meta-0",
                           "mutter:virtual=640x480@30",
                           "portal",
                           "portal:monitor",
                           "portal:window",
                           "portal:virtual"}) {
    EXPECT_EQ(to_string(parse_source_spec(text).value()), text);
  }
}

TEST(SourceSpec, RefusesTheRestAndSaysWhatIsAllowed) {
  for (const char* text : {"",
                           "nod:x",
                           "node",
                           "node:",
                           "node:id=",
                           "node:id=x",
                           "node:id=-1",
                           "node:id=4294967296",
                           "node:id=1 ",
                           "node:serial=",
                           "node:serial=0x1",
                           "node:serial=18446744073709551616",
                           "synthetic:",
                           "Auto",
                           "synthetics",
                           "portal:",
                           "portal:screen",
                           "portals",
                           "auto:x",
                           "gamescope:",
                           "gamescope:0",
                           "gamescope:x",
                           "gamescope:1:",
                           "gamescope:1:2",
                           "gamescope:app=1:2",
                           "gamescope:size=",
                           "gamescope:size=640",
                           "gamescope:size=641x480",
                           "gamescope:size=640x480:size=640x480",
                           "gamescope:app=",
                           "gamescope:app=0",
                           "gamescope:app=4294967296",
                           "gamescope:app=1:app=2",
                           "gamescope:1:title=x",
                           "kwin:",
                           "kwin:virtual=",
                           "kwin:virtual=640",
                           "kwin:virtual=640x480@",
                           "kwin:virtual=640x480@0",
                           "kwin:virtual=641x480",
                           "mutter:",
                           "mutter:window=x",
                           "Kwin"}) {
    const auto parsed = parse_source_spec(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(parsed.error().message, ::testing::HasSubstr(std::string("'") + text + "'"));
    EXPECT_THAT(parsed.error().hint, ::testing::HasSubstr("node:serial=N"));
  }
}

}  // namespace
}  // namespace lumen
