// What reading the configuration again may change in a running stream.
#include "app/options/options_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/options/apply_option.h"

namespace lumen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OptionsDiff, TellsWhatCanBeChangedFromWhatCannot) {
  StreamOptions before;
  before.sinks = {"web", "file:a.mp4", "file:a.mp4"};
  StreamOptions after = before;
  EXPECT_TRUE(diff_options(before, after).empty());
  after.bitrate_bps = 5'000'000;
  after.adaptation.few_bits = 0.1;
  after.chroma = Chroma::k444;
  after.fps = {30, 1};
  after.sinks = {"file:a.mp4", "rtp:127.0.0.1:5004", "web"};
  const OptionsDiff diff = diff_options(before, after);
  EXPECT_THAT(diff.live, ElementsAre("bitrate", "adapt-bits"));
  EXPECT_THAT(diff.fixed, ElementsAre("chroma", "fps"));
  EXPECT_THAT(diff.sinks_added, ElementsAre("rtp:127.0.0.1:5004"));
  EXPECT_THAT(diff.sinks_removed, ElementsAre("file:a.mp4"));
}

TEST(OptionsDiff, LiveChangesAreCopiedAndNothingElse) {
  const StreamOptions before;
  StreamOptions after;
  after.bitrate_bps = 7'000'000;
  after.adaptation.few_bits = 0.1;
  after.adaptation.enough_bits = 0.15;
  after.fps = {30, 1};
  after.sinks = {"web"};
  StreamOptions to;
  to.size = Extent{320, 180};  // by hand, in the meantime
  copy_live_changes(before, after, to);
  EXPECT_EQ(to.bitrate_bps, 7'000'000U);
  EXPECT_EQ(to.adaptation.enough_bits, 0.15);
  EXPECT_EQ(to.size, (Extent{320, 180}));
  EXPECT_EQ(to.fps, (FrameRate{60, 1}));
  EXPECT_THAT(to.sinks, IsEmpty());
}

// A new option must not be forgotten here: each of them changes something that is compared.
TEST(OptionsDiff, NoOptionIsForgotten) {
  const std::vector<std::pair<std::string, std::string>> samples = {
      {"source", "synthetic"},
      {"cursor", "hidden"},
      {"wait", "true"},
      {"notify", "off"},
      {"audio", "off"},
      {"sink", "file:x.mp4"},
      {"codec", "hevc"},
      {"encoder", "software"},
      {"zerocopy", "off"},
      {"quality", "high"},
      {"profile", "main"},
      {"level", "4.1"},
      {"preset", "fast"},
      {"bitrate", "7M"},
      {"qp", "20"},
      {"vbv", "2"},
      {"key-interval", "3s"},
      {"recovery", "key-frame"},
      {"refresh-frames", "9"},
      {"slices", "4"},
      {"sub-frame", "true"},
      {"entropy", "cavlc"},
      {"chroma", "444"},
      {"bit-depth", "10"},
      {"in-place", "true"},
      {"damage", "off"},
      {"fps", "30"},
      {"size", "320x180"},
      {"adapt", "off"},
      {"adapt-bitrate", "1M"},
      {"adapt-bits", "0.1"},
      {"adapt-pressure", "0.8"},
      {"adapt-peak", "3"},
      {"adapt-window", "2"},
      {"adapt-room", "0.5"},
      {"adapt-patience", "9"},
      {"adapt-longest-patience", "90"},
      {"frames", "9"},
      {"duration", "9"},
      {"qr", "true"},
      {"sdp", "x.sdp"},
      {"mirror", "127.0.0.1:6000"},
      {"name", "couch"},
      {"stats", "json"},
      {"trace", "x.json"},
      {"quiet", "true"},
      {"verbose", "true"}};
  for (const StreamOption& option : stream_options_table()) {
    if (option.place == OptionPlace::kCommandLineOnly || option.name == "latency") continue;
    const auto sample =
        std::ranges::find_if(samples, [&](const auto& one) { return one.first == option.name; });
    ASSERT_NE(sample, samples.end()) << "a sample for --" << option.name;
    StreamOptions after;
    ASSERT_TRUE(apply_option(option, {sample->second}, after)) << option.name;
    EXPECT_FALSE(diff_options({}, after).empty()) << option.name;
  }
}

}  // namespace
}  // namespace lumen
