// NVENC's backends when the driver fails: every call at every count, drivers too old, no session
// free, a GPU that falls off the bus. On the NVENC stand-in.
#include <string>
#include <vector>

#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"

namespace lumen {
namespace {

using test::EncoderFixture;

EncoderSettings small() {
  EncoderSettings settings;
  settings.size = {256, 144};
  settings.bitrate_bps = 1'000'000;
  return settings;
}

class EncoderFaults : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { machine_.start(); }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    machine_.finish();
  }
  Result<void> open() { return fixture_.open(GetParam(), small()); }

  /// Twenty pictures and a flush; whatever goes wrong first.
  Result<void> stream() {
    if (auto opened = open(); !opened) return opened;
    for (std::uint32_t n = 0; n < 20; ++n) {
      if (auto done = fixture_.encode(n, EncodeRequest::key_frame(n % 7 == 0)); !done) return done;
    }
    return fixture_.encoder->flush();
  }
  /// After the fault everything is as before: the same stream again, without a fault.
  void expect_sound(const std::string& what) {
    fixture_.close();
    gpu_->lose();
    EXPECT_STREQ(machine_.nvenc.violations(), "") << what;
    EXPECT_STREQ(machine_.cuda.violations(), "") << what;
    ASSERT_EQ(machine_.nvenc.live_handles(), 0u) << what << ": " << machine_.nvenc.live_names();
    ASSERT_EQ(machine_.cuda.live_handles(), 0u) << what << ": " << machine_.cuda.live_names();
    machine_.nvenc.reset();
    machine_.cuda.reset();
    fixture_.take();
  }

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

TEST_P(EncoderFaults, EveryEncoderCallFailingIsAnErrorAndLeavesNothingBehind) {
  ASSERT_TRUE(stream());
  const auto calls = machine_.nvenc.calls("*");
  ASSERT_GT(calls, 60u);
  expect_sound("without a fault");
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const std::string rule = "*@" + std::to_string(n) + "=20";  // NV_ENC_ERR_GENERIC
    ASSERT_TRUE(machine_.nvenc.set_fail(rule.c_str()));
    (void)stream();
    expect_sound(rule);
    if (HasFatalFailure()) return;
  }
}

TEST_P(EncoderFaults, EveryCudaCallFailingIsAnErrorAndLeavesNothingBehind) {
  if (GetParam() == "ffmpeg-nvenc") GTEST_SKIP() << "FFmpeg's own handling of CUDA's errors";
  ASSERT_TRUE(stream());
  const auto calls = machine_.cuda.calls("*");
  expect_sound("without a fault");
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const std::string rule = "*@" + std::to_string(n) + "=2";  // CUDA_ERROR_OUT_OF_MEMORY
    ASSERT_TRUE(machine_.cuda.set_fail(rule.c_str()));
    (void)stream();
    expect_sound(rule);
    if (HasFatalFailure()) return;
  }
}

TEST_P(EncoderFaults, ADriverThatIsTooOldSaysSo) {
  machine_.nvenc.set_version(10, 0);
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kUnsupported);
  if (GetParam() == "nvenc") {
    EXPECT_NE(opened.error().message.find("10.0"), std::string::npos) << opened.error().message;
    EXPECT_NE(opened.error().hint.find("newer NVIDIA driver"), std::string::npos);
  }
}

TEST_P(EncoderFaults, NoFreeSessionSaysSo) {
  machine_.nvenc.set_session_limit(1);
  ASSERT_TRUE(open());
  EncoderFixture second{gpu_};
  const auto opened = second.open(GetParam(), small());
  ASSERT_FALSE(opened);
  if (GetParam() == "nvenc") {
    EXPECT_NE(opened.error().hint.find("sessions"), std::string::npos) << opened.error().describe();
  }
}

TEST_P(EncoderFaults, AGpuWithoutTheCodecSaysSo) {
  ASSERT_TRUE(machine_.nvenc.set_gpu("maxwell"));
  EncoderSettings settings = small();
  settings.codec = Codec::kAv1;
  EXPECT_FALSE(fixture_.open(GetParam(), settings));
}

TEST_P(EncoderFaults, ALostGpuIsAnErrorAndNoHang) {
  if (GetParam() == "ffmpeg-nvenc") {
    GTEST_SKIP() << "FFmpeg 5.1 leaves its session open where the context can't be made current";
  }
  ASSERT_TRUE(open());
  for (std::uint32_t n = 0; n < 10; ++n) ASSERT_TRUE(fixture_.encode(n));
  machine_.cuda.kill_context();
  Result<void> done;
  for (std::uint32_t n = 10; n < 40 && done; ++n) done = fixture_.encode(n, {}, FrameMemory::kHost);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_FALSE(gpu_->usable());
}

INSTANTIATE_TEST_SUITE_P(Backends, EncoderFaults, testing::Values("nvenc", "ffmpeg-nvenc"),
                         [](const auto& each) {
                           return each.param == "nvenc" ? std::string("nvenc")
                                                        : std::string("ffmpeg_nvenc");
                         });

}  // namespace
}  // namespace lumen
