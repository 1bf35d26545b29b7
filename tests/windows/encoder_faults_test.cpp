// The driver fails at each of its calls, or hangs.
#include "windows/encoder_fixture.h"

namespace lumen {
namespace {

class WindowsNvencFaults : public test::WindowsEncoder {
 protected:
  /// Twenty pictures and a flush; whatever goes wrong first.
  Result<void> stream() {
    if (auto opened = open(settings({256, 144})); !opened) return opened;
    for (std::uint32_t n = 0; n < 20; ++n) {
      if (auto done = encode(n, EncodeRequest::key_frame(n % 7 == 0)); !done) return done;
    }
    return encoder->flush();
  }
  void expect_sound(const std::string& what) {
    close();
    EXPECT_STREQ(nvenc.violations(), "") << what;
    ASSERT_STREQ(nvenc.live_names(), "") << what;
    nvenc.reset();
    take();
  }
};

TEST_F(WindowsNvencFaults, EveryCallFailingIsAnErrorAndLeavesNothingBehind) {
  ASSERT_TRUE(stream());
  const auto calls = nvenc.calls("*");
  ASSERT_GT(calls, 100U);
  expect_sound("without a fault");
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const std::string rule = "*@" + std::to_string(n) + "=20";  // NV_ENC_ERR_GENERIC
    ASSERT_TRUE(nvenc.set_fail(rule.c_str()));
    (void)stream();
    expect_sound(rule);
    if (HasFatalFailure()) return;
  }
}

TEST_F(WindowsNvencFaults, WithoutEventsAnAsynchronousSessionDoesNotOpen) {
  for (const char* rule : {"nvEncRegisterAsyncEvent@1=20", "nvEncRegisterAsyncEvent@5=20",
                           "nvEncRegisterAsyncEvent@9=20"}) {
    ASSERT_TRUE(nvenc.set_fail(rule));
    const auto opened = open(settings());
    ASSERT_FALSE(opened) << rule;
    EXPECT_NE(opened.error().message.find("nvEncRegisterAsyncEvent"), std::string::npos);
    expect_sound(rule);
  }
}

TEST_F(WindowsNvencFaults, AHangingChipIsALostDevice) {
  ASSERT_TRUE(open(settings({256, 144})));
  for (std::uint32_t n = 0; n < 5; ++n) ASSERT_TRUE(encode(n));
  nvenc.hang();
  Result<void> done;
  const Timestamp begin = now();
  for (std::uint32_t n = 5; n < 20 && done; ++n) done = encode(n);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::kDeviceLost) << done.error().describe();
  close();
  EXPECT_LT(now() - begin, std::chrono::seconds(9)) << "one time limit, not one for each picture";
}

TEST_F(WindowsNvencFaults, NoFreeSessionSaysSo) {
  nvenc.set_session_limit(0);
  const auto opened = open(settings());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kIo);
}

TEST_F(WindowsNvencFaults, ADriverThatIsTooOldSaysSo) {
  nvenc.set_version(10, 0);
  const auto opened = open(settings());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(opened.error().hint.find("newer NVIDIA driver"), std::string::npos);
}

TEST_F(WindowsNvencFaults, ACodecThatTheChipLacksSaysSo) {
  EncoderSettings wanted = settings();
  wanted.codec = Codec::kHevc;
  const auto opened = open(wanted);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace lumen
