// The native backend in random use: bit rates, sizes, key frames, losses, frames from both
// memories, buffers that come and go. The NVENC stand-in watches every rule of the SDK.
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>

#include <fmt/format.h>

#include "sim/encode/encoder_fixture.h"
#include "sim/encode/stand_ins.h"

namespace lumen {
namespace {

using test::EncoderFixture;

class RandomUse : public testing::TestWithParam<Codec> {
 protected:
  void SetUp() override { machine_.start(); }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    machine_.finish();
  }
  void run(std::chrono::seconds duration, unsigned seed);

  test::StandIns machine_;
  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  EncoderFixture fixture_{gpu_};
};

void RandomUse::run(std::chrono::seconds duration, unsigned seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return static_cast<std::uint32_t>(random() % n); };
  EncoderSettings settings;
  settings.codec = GetParam();
  settings.size = {320, 180};
  settings.max_size = {640, 360};
  settings.bitrate_bps = 4'000'000;
  const auto opened = fixture_.open("nvenc", settings);
  ASSERT_TRUE(opened) << opened.error().describe();
  VideoEncoder& encoder = *fixture_.encoder;
  const EncoderCapabilities caps = encoder.capabilities();
  constexpr std::array kSizes{Extent{320, 180}, Extent{640, 360}, Extent{160, 96},
                              Extent{482, 270}};

  const auto end = std::chrono::steady_clock::now() + duration;
  std::uint32_t n = 0;
  std::uint32_t bitrate = 4'000'000;
  FrameRate rate{60, 1};
  std::size_t played = 0;
  std::string history;  // the last changes
  test::PlayerDecoder player(GetParam());
  const auto look = [&](std::vector<EncodedFrame> frames) {
    for (const EncodedFrame& frame : frames) {
      for (const auto& picture : player.decode(frame)) {
        ASSERT_EQ(picture.number(), played)
            << "in a stream of " << n << ", after: " << history << "; " << frame.data.view().size()
            << " bytes" << (frame.key ? ", key" : "");
        ++played;
      }
    }
  };
  while (std::chrono::steady_clock::now() < end) {
    EncodeRequest request = EncodeRequest::key_frame(n == 0 || below(40) == 0);
    switch (below(30)) {
      case 0:
        bitrate = 3'000'000 + below(5'000'000);  // enough for a key frame to be readable
        history += fmt::format(" {}:{} b/s", n, bitrate);
        ASSERT_TRUE(encoder.reconfigure({.bitrate_bps = bitrate}));
        break;
      case 1:
        rate = {24 + below(97), 1};
        history += fmt::format(" {}:{} fps", n, rate.num);
        ASSERT_TRUE(encoder.reconfigure({.rate = rate}));
        break;
      case 2: {
        if (!caps.change_size) break;
        const Extent size = kSizes[below(kSizes.size())];
        history += fmt::format(" {}:{}x{}", n, size.width, size.height);
        ASSERT_TRUE(encoder.reconfigure({.size = size}));
        fixture_.draw(size);
        break;
      }
      case 3:
      case 4:
        if (!caps.invalidation || n < 3) break;
        request = {.repair = EncodeRequest::Repair::kInvalidate,
                   .lost_from = EncoderFixture::time_of(n - 1 - below(std::min(n - 1, 12U)))};
        break;
      case 5:
        if (!caps.intra_refresh) break;
        request = {.repair = EncodeRequest::Repair::kIntraRefresh};
        break;
      default: break;
    }
    if (request.repair != EncodeRequest::Repair::kNone) {
      history += fmt::format(" {}:repair {}", n, static_cast<int>(request.repair));
    }
    if (history.size() > 400) history.erase(0, history.size() - 400);
    const FrameMemory memory = below(8) == 0 ? FrameMemory::kHost : FrameMemory::kCuda;
    const auto done = fixture_.encode(n, request, memory);
    ASSERT_TRUE(done) << done.error().describe();
    ++n;
    look(fixture_.take());
    if (HasFatalFailure()) return;
  }
  ASSERT_TRUE(encoder.flush());
  look(fixture_.take());
  EXPECT_EQ(played, n) << "pictures were lost";
  EXPECT_GE(n, 100u);
  EXPECT_STREQ(machine_.nvenc.violations(), "");
  RecordProperty("pictures", static_cast<int>(n));
}

TEST_P(RandomUse, BreaksNoRuleAndLosesNoPicture) {
  const char* const seconds = std::getenv("LUMEN_RANDOM_USE_SECONDS");
  run(std::chrono::seconds(seconds == nullptr ? 10 : std::atoi(seconds)), 20261121);
}

INSTANTIATE_TEST_SUITE_P(Codecs, RandomUse, testing::Values(Codec::kH264, Codec::kHevc),
                         [](const auto& each) { return std::string(to_string(each.param)); });

}  // namespace
}  // namespace lumen
