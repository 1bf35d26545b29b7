// Whole streams over the GPU routes: real dmabufs from our producer, Mesa's software EGL and
// Vulkan, the CUDA stand-in, readback, x264, a file that is decoded again. Inside the virtual
// machine.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "producer_stream.h"
#include "stand_in_gpu.h"

namespace lumen::session {
namespace {

using Routes = std::set<std::string>;

class GpuStream : public ProducerStream {
 protected:
  void SetUp() override {
    ProducerStream::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) use(FirstRoute::kEgl);
  }

  static void use(FirstRoute first) {
    const auto used = use_stand_in_gpu(*session_, first);
    ASSERT_TRUE(used) << used.error().describe();
  }
};

class Route : public GpuStream, public testing::WithParamInterface<FirstRoute> {};

TEST_P(Route, BringsEveryPictureThrough) {
  use(GetParam());
  Process producer = produce({"--modifiers", "linear"});
  const HostRun run = record(20);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{readback_name(GetParam())}) << run.log;
  expect_good(10);
}

TEST_P(Route, ReplacedBuffersShowNoOldPicture) {
  use(GetParam());
  Process producer = produce({"--modifiers", "linear", "--hostile", "recycle=8,recycle=16"});
  const HostRun run = record(24);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{readback_name(GetParam())}) << run.log;
  expect_good(12);
}

INSTANTIATE_TEST_SUITE_P(All, Route,
                         testing::Values(FirstRoute::kEgl, FirstRoute::kVulkan,
                                         FirstRoute::kGlBlit),
                         [](const auto& route) { return short_name(route.param); });

struct Offer {
  const char* name;
  Arguments arguments;
  const char* node = "producer";
};
class Offers : public GpuStream, public testing::WithParamInterface<Offer> {};

TEST_P(Offers, AreTakenAsTheCompositorMakesThem) {
  Process producer = produce(GetParam().arguments);
  const HostRun run = record(12, {}, GetParam().node);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{"egl+readback"}) << run.log;
  expect_good(6);
}

INSTANTIATE_TEST_SUITE_P(
    All, Offers,
    testing::Values(Offer{"TiledFirst", {"--modifiers", "tiled+linear"}},
                    Offer{"Gamescope", {"--like", "gamescope", "--plain", "no"}, "gamescope"},
                    Offer{"Kwin", {"--like", "kwin", "--plain", "no"}},
                    Offer{"Mutter", {"--like", "mutter", "--plain", "no"}}),
    [](const auto& offer) { return std::string(offer.param.name); });

TEST_F(GpuStream, ScalesOnTheGpu) {
  Process producer = produce({"--modifiers", "linear"});
  const HostRun run = record(12, {"--size", "640x360"});
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{"egl+readback"});
  const auto seen = expect_good(6);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->sizes, (std::set<std::pair<std::uint32_t, std::uint32_t>>{{640, 360}}));
}

TEST_F(GpuStream, MemoryMayChangeInMidStream) {
  Process producer = produce({"--modifiers", "linear", "--hostile", "to-memfd=25,to-dmabuf=55"});
  const HostRun run = record(80);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, (Routes{"cpu/shm", "egl+readback"})) << run.log;
  expect_good(40);
}

// The first kernel belongs to the self-test, the others to the stream.
class FailsAt : public GpuStream, public testing::WithParamInterface<unsigned> {};

TEST_P(FailsAt, ABrokenGpuStepsDownToTheCpuWithinTheStream) {
  Process producer = produce({"--modifiers", "linear"});
  session_->set_env("LUMEN_SIM_CUDA_FAIL",
                    "cuLaunchKernel@" + std::to_string(GetParam()) + "+=" + "999");
  const HostRun run = record(40);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_TRUE(run.routes.contains("cpu/dmabuf-mmap")) << run.log;
  const std::string said =
      GetParam() == 1 ? "self-test failed: LINEAR: cuLaunchKernel" : "egl failed: cuLaunch";
  EXPECT_NE(run.log.find(said), std::string::npos) << run.log;
  expect_good(15);
}

INSTANTIATE_TEST_SUITE_P(All, FailsAt, testing::Values(1U, 2U, 20U));

// The self-test's buffer is taken, the producer's are not: LINEAR is dropped, which leaves this
// route nothing, and the next one negotiates anew.
TEST_F(GpuStream, RefusedBuffersGoToTheNextRoute) {
  Process producer = produce({"--modifiers", "linear"});
  session_->set_env("LUMEN_SIM_CUDA_FAIL", "cuGraphicsEGLRegisterImage@2+=1");
  const HostRun run = record(30);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_TRUE(run.routes.contains("vulkan+readback")) << run.log;
  EXPECT_NE(run.log.find("egl can't import BGRx LINEAR"), std::string::npos) << run.log;
  EXPECT_NE(run.log.find("egl failed: no layout is left"), std::string::npos) << run.log;
  expect_good(10);
}

TEST_F(GpuStream, ALostGpuIsOpenedAgain) {
  Process producer = produce({"--modifiers", "linear"});
  session_->set_env("LUMEN_SIM_CUDA_FAIL", "cuLaunchKernel@10=709");
  const HostRun run = record(30);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{"egl+readback"}) << run.log;
  EXPECT_NE(run.log.find("opening it again"), std::string::npos) << run.log;
  expect_good(12);
}

TEST_F(GpuStream, OffLeavesTheGpuAlone) {
  Process producer = produce({"--modifiers", "linear"});
  session_->set_env("LUMEN_ZEROCOPY", "off");
  const HostRun run = record(8);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{"cpu/dmabuf-mmap"});
}

TEST_F(GpuStream, RequireSaysWhyItCantBe) {
  Process producer = produce({"--modifiers", "linear"});
  const HostRun run = record(8, {"--zerocopy", "require"});
  EXPECT_EQ(run.exit_code, 8) << run.log;
  EXPECT_NE(run.log.find("the encoder reads host memory"), std::string::npos) << run.log;
}

class Hostile : public GpuStream, public testing::WithParamInterface<const char*> {};

TEST_P(Hostile, OnlyGoodPicturesAreRecorded) {
  Process producer = produce({"--modifiers", "linear", "--hostile", GetParam()});
  const HostRun run = record(12);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  expect_good(6);
}

INSTANTIATE_TEST_SUITE_P(All, Hostile,
                         testing::Values("small-dmabuf", "fake-dmabuf", "no-fd", "bad-stride",
                                         "bad-offset"),
                         [](const auto& offer) {
                           std::string name = offer.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace lumen::session
