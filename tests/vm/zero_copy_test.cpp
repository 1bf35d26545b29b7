// The whole way on which no pixel passes the CPU: real dmabufs from our producer, Mesa's software
// EGL and Vulkan, the CUDA stand-in, NVENC's backends over the NVENC stand-in, a file that is
// decoded again. Inside the virtual machine.
#include <filesystem>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include "producer_stream.h"
#include "stand_in_gpu.h"

namespace lumen::session {
namespace {

using Names = std::set<std::string>;

class ZeroCopyStream : public ProducerStream {
 protected:
  void SetUp() override {
    ProducerStream::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    use(FirstRoute::kEgl);
    session_->set_env("LUMEN_SIM_NVENC_FAIL", "");
    session_->set_env("LUMEN_SIM_NVENC_STRICT", "1");  // a broken rule ends the host
  }
  static void use(FirstRoute first) {
    const auto used = use_stand_in_gpu(*session_, first);
    ASSERT_TRUE(used) << used.error().describe();
  }
  static Arguments require(const std::string& encoder, const Arguments& more = {}) {
    Arguments argv{"--zerocopy", "require", "--encoder", encoder};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
};

struct Way {
  FirstRoute route = FirstRoute::kEgl;
  std::string encoder;
  std::string codec;
  std::string name;  // in the status
};
void PrintTo(const Way& way, std::ostream* out) {
  *out << route_name(way.route) << " " << way.name;
}

class Ways : public ZeroCopyStream, public testing::WithParamInterface<Way> {};

TEST_P(Ways, BringEveryPictureThrough) {
  use(GetParam().route);
  Process producer = produce({"--modifiers", "linear"});
  const HostRun run = record(20, require(GetParam().encoder, {"--codec", GetParam().codec}));
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Names{route_name(GetParam().route)}) << run.log;
  EXPECT_EQ(run.encoders, Names{GetParam().name}) << run.log;
  expect_good(10);
}

INSTANTIATE_TEST_SUITE_P(
    All, Ways,
    testing::Values(Way{FirstRoute::kEgl, "nvenc", "h264", "nvenc h264"},
                    Way{FirstRoute::kEgl, "nvenc", "hevc", "nvenc hevc"},
                    Way{FirstRoute::kVulkan, "nvenc", "h264", "nvenc h264"},
                    Way{FirstRoute::kGlBlit, "nvenc", "h264", "nvenc h264"},
                    Way{FirstRoute::kEgl, "ffmpeg-nvenc", "h264", "h264_nvenc"},
                    Way{FirstRoute::kVulkan, "ffmpeg-nvenc", "hevc", "hevc_nvenc"}),
    [](const auto& way) {
      return short_name(way.param.route) + "_" +
             (way.param.encoder == "nvenc" ? "nvenc" : "ffmpeg") + "_" + way.param.codec;
    });

TEST_F(ZeroCopyStream, AutoTakesIt) {
  Process producer = produce({"--like", "kwin", "--plain", "no"});
  const HostRun run = record(12, {"--encoder", "auto"});
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Names{"egl"}) << run.log;
  EXPECT_EQ(run.encoders, Names{"nvenc h264"}) << run.log;
  expect_good(6);
}

// EGL takes eight bits only: Vulkan stands ready for ten beside it, and where only it can bring
// the picture it does.
TEST_F(ZeroCopyStream, TenBitsComeThroughVulkanAndEightThroughEgl) {
  for (const bool ten : {true, false}) {
    SCOPED_TRACE(ten);
    Process producer = produce(
        {"--modifiers", "linear", "--format", ten ? "BGRx+xRGB_210LE" : "BGRx", "--color", "pq"});
    const HostRun run = record(16, require("nvenc", {"--codec", "hevc"}));
    EXPECT_EQ(run.exit_code, 0) << run.log;
    EXPECT_EQ(run.routes, Names{ten ? "vulkan" : "egl"}) << run.log;
    EXPECT_EQ(run.encoders, Names{"nvenc hevc"}) << run.log;
    EXPECT_EQ(run.log.find("xRGB_210LE 320x180, 10 bits, BT.2020 PQ") != std::string::npos, ten)
        << run.log;
    const auto seen = expect_good(6);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->bit_depths, std::set<unsigned>{ten ? 10U : 8U});
    producer.stop();
  }
}

// The encoder reads the producer's own pictures, as long as the producer has buffers to draw into.
TEST_F(ZeroCopyStream, NothingIsCopiedInPlace) {
  Process producer = produce({"--modifiers", "linear", "--buffers", "8,8"});
  const HostRun run = record(20, require("nvenc", {"--in-place"}));
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_TRUE(run.routes.contains("egl in place")) << run.log;
  expect_good(10);
}

// The self-test takes longer than the rest of a start.
TEST_F(ZeroCopyStream, ARouteIsProvenOncePerDriver) {
  constexpr std::string_view kKnown = "proven in an earlier run";
  session_->set_env("LUMEN_DEBUG", "zerocopy");
  std::filesystem::remove_all(session_->dir() / "cache" / "lumen");
  Process producer = produce({"--modifiers", "linear"});
  for (const bool known : {false, true}) {
    const HostRun run = record(12, require("nvenc"));
    EXPECT_EQ(run.exit_code, 0) << run.log;
    EXPECT_EQ(run.routes, Names{"egl"}) << run.log;
    EXPECT_EQ(run.log.find(kKnown) != std::string::npos, known) << run.log;
    expect_good(6);
  }
  // Another CUDA is another subject.
  session_->set_env("LUMEN_SIM_CUDA_VERSION", "12020");
  const HostRun other = record(6, require("nvenc"));
  EXPECT_EQ(other.log.find(kKnown), std::string::npos) << other.log;
  session_->set_env("LUMEN_SIM_CUDA_VERSION", "");
  session_->set_env("LUMEN_DEBUG", "");
}

TEST_F(ZeroCopyStream, AFailingEncoderIsReplacedWithinTheStream) {
  Process producer = produce({"--modifiers", "linear"});
  session_->set_env("LUMEN_SIM_NVENC_FAIL", "nvEncEncodePicture@12+=20");
  const HostRun run = record(40, {"--encoder", "auto"});
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_TRUE(run.encoders.contains("libx264")) << run.log;
  EXPECT_TRUE(run.routes.contains("egl+readback")) << run.log;
  EXPECT_NE(run.log.find("nvEncEncodePicture"), std::string::npos) << run.log;
  expect_good(15);
}

}  // namespace
}  // namespace lumen::session
