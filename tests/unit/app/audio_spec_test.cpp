#include "app/options/audio_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lumen {
namespace {

TEST(AudioSpec, TakesWhatTheManualSays) {
  EXPECT_EQ(*parse_audio_spec("auto"), AudioSpec{AutoAudio{}});
  EXPECT_EQ(*parse_audio_spec("off"), AudioSpec{NoAudio{}});
  EXPECT_EQ(*parse_audio_spec("node:speakers"), AudioSpec{NodeSource{NodeName{"speakers"}}});
  EXPECT_EQ(*parse_audio_spec("node:id=41"), AudioSpec{NodeSource{NodeId{41}}});
  EXPECT_EQ(*parse_audio_spec("node:serial=7"), AudioSpec{NodeSource{NodeSerial{7}}});
  EXPECT_EQ(*parse_audio_spec("synthetic"), AudioSpec{SyntheticAudio{}});
  EXPECT_EQ(*parse_audio_spec("synthetic:-20.5"), AudioSpec{SyntheticAudio{"-20.5"}});
}

TEST(AudioSpec, SaysWhatToWriteInstead) {
  for (const char* bad : {"", "on", "node:", "node:id=x", "Auto", "speakers"}) {
    const auto spec = parse_audio_spec(bad);
    ASSERT_FALSE(spec) << bad;
    EXPECT_EQ(spec.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(spec.error().hint, testing::HasSubstr("auto, off, node:NAME"));
  }
  for (const char* bad : {"synthetic:x", "synthetic:1001", "synthetic:nan"}) {
    const auto spec = parse_audio_spec(bad);
    ASSERT_FALSE(spec) << bad;
    EXPECT_THAT(spec.error().hint, testing::HasSubstr("synthetic:50"));
  }
}

}  // namespace
}  // namespace lumen
