// Whole streams over the GPU routes: real dmabufs from our producer, Mesa's software EGL and
// Vulkan, the CUDA stand-in, readback, x264, a file that is decoded again. Inside the virtual
// machine.
#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "host.h"
#include "stand_in_gpu.h"
#include "support/udmabuf.h"
#include "watch.h"

namespace lumen::session {
namespace {

using Arguments = std::vector<std::string>;
using Routes = std::set<std::string>;

class GpuStream : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (auto started = PrivateSession::start()) {
      session_ = std::move(*started);
    } else {
      ADD_FAILURE() << started.error().describe();
    }
  }
  static void TearDownTestSuite() { session_.reset(); }

  void SetUp() override {
    const auto available = test::TestDmaBuf::available();
    if (!available) GTEST_SKIP() << available.error().describe();
    ASSERT_TRUE(session_);
    use(FirstRoute::kEgl);
  }

  static void use(FirstRoute first) {
    const auto used = use_stand_in_gpu(*session_, first);
    ASSERT_TRUE(used) << used.error().describe();
  }

  static Process produce(const Arguments& more) {
    Arguments argv = {
        LUMEN_TEST_PRODUCER, "--size",   "320x180", "--fps",   "10", "--linger", "20", "--name",
        "producer",          "--memory", "dmabuf",  "--plain", "no"};
    argv.insert(argv.end(), more.begin(), more.end());
    auto process = session_->spawn(argv, StandardOutput::kPipe);
    EXPECT_TRUE(process) << process.error().describe();
    EXPECT_TRUE(process->read_value("ready ", Milliseconds(20000)));
    return std::move(*process);
  }

  static std::string recording() { return (session_->dir() / "out.mkv").string(); }

  static HostRun record(unsigned frames, const Arguments& more = {},
                        const std::string& node = "producer") {
    Arguments argv = {"--source",  "node:" + node, "--frames", std::to_string(frames),
                      "--bitrate", "4M",           "--sink",   "file:" + recording()};
    argv.insert(argv.end(), more.begin(), more.end());
    auto run = run_host(*session_, argv, Milliseconds(150000));
    EXPECT_TRUE(run) << run.error().describe();
    return run.value_or(HostRun{});
  }

  static std::unique_ptr<PrivateSession> session_;
};
std::unique_ptr<PrivateSession> GpuStream::session_;

void expect_good(const Result<Seen>& seen, std::size_t least) {
  ASSERT_TRUE(seen) << seen.error().describe();
  EXPECT_EQ(seen->unreadable, 0U) << "a picture that the producer never showed";
  EXPECT_EQ(seen->decoder_errors, 0U);
  EXPECT_TRUE(seen->in_order()) << "swapped: " << testing::PrintToString(seen->numbers);
  EXPECT_GE(seen->different(), least) << testing::PrintToString(seen->numbers);
  EXPECT_LE(seen->worst_patch, 6) << "a colour is wrong";
}

class Route : public GpuStream, public testing::WithParamInterface<FirstRoute> {};

TEST_P(Route, BringsEveryPictureThrough) {
  use(GetParam());
  Process producer = produce({"--modifiers", "linear"});
  const HostRun run = record(20);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{route_name(GetParam())}) << run.log;
  expect_good(watch(recording()), 10);
}

TEST_P(Route, ReplacedBuffersShowNoOldPicture) {
  use(GetParam());
  Process producer = produce({"--modifiers", "linear", "--hostile", "recycle=8,recycle=16"});
  const HostRun run = record(24);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{route_name(GetParam())}) << run.log;
  expect_good(watch(recording()), 12);
}

INSTANTIATE_TEST_SUITE_P(All, Route,
                         testing::Values(FirstRoute::kEgl, FirstRoute::kVulkan,
                                         FirstRoute::kGlBlit),
                         [](const auto& route) {
                           const std::string name = route_name(route.param);
                           return name.starts_with("gl") ? std::string("gl_blit")
                                                         : name.substr(0, name.find('+'));
                         });

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
  expect_good(watch(recording()), 6);
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
  const auto seen = watch(recording());
  expect_good(seen, 6);
  EXPECT_EQ(seen->sizes, (std::set<std::pair<std::uint32_t, std::uint32_t>>{{640, 360}}));
}

TEST_F(GpuStream, MemoryMayChangeInMidStream) {
  Process producer = produce({"--modifiers", "linear", "--hostile", "to-memfd=25,to-dmabuf=55"});
  const HostRun run = record(80);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, (Routes{"cpu/shm", "egl+readback"})) << run.log;
  expect_good(watch(recording()), 40);
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
  const std::string said = GetParam() == 1 ? "not egl: self-test failed: LINEAR: cuLaunchKernel"
                                           : "egl failed: cuLaunch";
  EXPECT_NE(run.log.find(said), std::string::npos) << run.log;
  expect_good(watch(recording()), 15);
}

INSTANTIATE_TEST_SUITE_P(All, FailsAt, testing::Values(1U, 2U, 20U));

TEST_F(GpuStream, ALostGpuIsOpenedAgain) {
  Process producer = produce({"--modifiers", "linear"});
  session_->set_env("LUMEN_SIM_CUDA_FAIL", "cuLaunchKernel@10=709");
  const HostRun run = record(30);
  EXPECT_EQ(run.exit_code, 0) << run.log;
  EXPECT_EQ(run.routes, Routes{"egl+readback"}) << run.log;
  EXPECT_NE(run.log.find("opening it again"), std::string::npos) << run.log;
  expect_good(watch(recording()), 12);
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
  expect_good(watch(recording()), 6);
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
