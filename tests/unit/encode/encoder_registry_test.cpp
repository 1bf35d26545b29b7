// The ladder on a machine without an NVIDIA driver.
#include "encode/encoder_registry.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "zerocopy/cuda/gpu.h"

namespace lumen {
namespace {

EncoderSettings settings() {
  EncoderSettings settings;
  settings.size = {320, 180};
  settings.bitrate_bps = 1'000'000;
  return settings;
}

TEST(EncoderRegistry, WithoutADriverItIsSoftwareAndSaysWhy) {
  const auto gpu = std::make_shared<cuda::Gpu>();
  if (gpu->context()) GTEST_SKIP() << "this machine has an NVIDIA driver";
  const auto opened = open_encoder("auto", settings(), {.gpu = gpu}, [](EncodedFrame) {});
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(opened->backend, "software");
  ASSERT_EQ(opened->ladder.size(), 3u);
  for (const char* name : {"nvenc", "ffmpeg-nvenc"}) {
    const auto step = std::ranges::find(opened->ladder, name, &LadderStep::name);
    ASSERT_NE(step, opened->ladder.end());
    EXPECT_FALSE(step->taken);
    EXPECT_NE(step->reason.find("NVIDIA driver"), std::string::npos) << step->reason;
  }
  const auto named = open_encoder("nvenc", settings(), {.gpu = gpu}, [](EncodedFrame) {});
  ASSERT_FALSE(named) << "nvenc means nvenc or an error";
  EXPECT_EQ(named.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace lumen
