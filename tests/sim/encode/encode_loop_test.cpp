// The encode thread when encoders fail under it: the stream goes on, by the same backend or the
// next, and says why. On the NVENC stand-in.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "app/pipeline/encode_loop.h"
#include "sim/encode/stand_ins.h"
#include "support/test_frames.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

constexpr Extent kSize{160, 96};

class PlainMemory final : public HostMemory {
 public:
  explicit PlainMemory(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] ReadScope read() override { return {this, bytes_}; }

 protected:
  void end_read() noexcept override {}

 private:
  std::vector<std::byte> bytes_;
};

CapturedFrame captured(std::uint32_t number) {
  const PatternPainter painter(Fourcc::kBGRx, kSize);
  const Pitch pitch{kSize.width * 4};
  std::vector<std::byte> bytes(std::size_t{pitch.bytes} * kSize.height);
  painter.draw(number, view_pixels(reinterpret_cast<std::uint8_t*>(bytes.data()), Fourcc::kBGRx,
                                   kSize, pitch));
  CapturedFrame frame;
  ShmImage image;
  image.memory = std::make_shared<PlainMemory>(std::move(bytes));
  image.planes[0] = {0, pitch};
  frame.image = image;
  frame.format = Fourcc::kBGRx;
  frame.size = kSize;
  frame.crop = {0, 0, kSize};
  frame.times.id = number + 1;
  frame.times.mark(Stage::kProduced);
  frame.times.mark(Stage::kDequeued);
  return frame;
}

class EncodeLoopOnStandIns : public testing::Test {
 protected:
  void SetUp() override { machine_.start(); }
  void TearDown() override { machine_.finish(); }

  struct Outcome {
    std::vector<EncodedFrame> frames;
    std::optional<Error> error;
    EncodeStatus status;
    std::vector<std::string> encoders;  // in the order of their first picture
    std::vector<std::optional<std::uint32_t>> numbers;
  };

  /// Shows so many pictures, each once the one before has been taken.
  Outcome stream(std::uint32_t pictures, const std::string& encoder = "auto",
                 const std::function<void(std::uint32_t)>& before = {}) {
    Outcome outcome;
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    LatestSlot<CapturedFrame> slot;
    RepairPolicy policy{RepairSettings{}};
    EncodeLoopSettings settings;
    settings.encoder = encoder;
    settings.video.rate = {4000, 1};
    settings.video.bitrate_bps = 40'000'000;
    settings.zerocopy = ZeroCopy::kOff;
    EncodeLoop loop(settings, slot, policy, nullptr,
                    {.encoded =
                         [&](const EncodedFrame& frame) {
                           const std::scoped_lock lock(mutex);
                           outcome.frames.push_back(frame);
                           changed.notify_all();
                         },
                     .renegotiate = [](const std::vector<FormatOffer>&) {},
                     .finished =
                         [&](std::optional<Error> error) {
                           const std::scoped_lock lock(mutex);
                           outcome.error = std::move(error);
                           ended = true;
                           changed.notify_all();
                         }});
    const auto started = loop.start();
    EXPECT_TRUE(started);
    for (std::uint32_t n = 0; n < pictures; ++n) {
      if (before) before(n);
      std::unique_lock lock(mutex);
      const std::size_t seen = outcome.frames.size();
      lock.unlock();
      slot.put(captured(n));
      lock.lock();
      // A picture that an encoder died of comes late, or never where it was inside.
      changed.wait_for(lock, 400ms, [&] { return ended || outcome.frames.size() > seen; });
      if (ended) break;
    }
    outcome.status = loop.status();
    slot.close();
    loop.join();
    outcome.status = loop.status();
    test::PlayerDecoder player(Codec::kH264);
    for (const EncodedFrame& frame : outcome.frames) {
      if (outcome.encoders.empty() || outcome.encoders.back() != frame.stream->encoder) {
        outcome.encoders.push_back(frame.stream->encoder);
      }
      for (const auto& picture : player.decode(frame)) outcome.numbers.push_back(picture.number());
    }
    return outcome;
  }
  static std::string reason(const Outcome& outcome, std::string_view backend) {
    for (const LadderStep& step : outcome.status.encoders) {
      if (step.name == backend) return (step.taken ? "taken: " : "") + step.reason;
    }
    return "not there";
  }

  test::StandIns machine_;
};

TEST_F(EncodeLoopOnStandIns, TheBestBackendIsTaken) {
  const Outcome outcome = stream(20);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.encoders, std::vector<std::string>{"nvenc h264"});
  EXPECT_EQ(reason(outcome, "nvenc"), "taken: nvenc h264");
  ASSERT_EQ(outcome.numbers.size(), 20u);
  for (std::uint32_t n = 0; n < 20; ++n) EXPECT_EQ(outcome.numbers[n], n);
}

TEST_F(EncodeLoopOnStandIns, OneFailureAtAnyPictureLosesNoneAndKeepsTheBackend) {
  // All of the first 300 take a while; LUMEN_EVERY_PICTURE=1 (tools/test --long) tries them.
  const bool every = std::getenv("LUMEN_EVERY_PICTURE") != nullptr;
  for (std::uint32_t at = 1; at <= 300; at += every || at < 12 ? 1 : 36) {
    SCOPED_TRACE(at);
    machine_.nvenc.reset();
    ASSERT_TRUE(
        machine_.nvenc.set_fail(("nvEncEncodePicture@" + std::to_string(at) + "=20").c_str()));
    const Outcome outcome = stream(at + 3);
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.encoders, std::vector<std::string>{"nvenc h264"});
    ASSERT_EQ(outcome.frames.size(), at + 3);
    EXPECT_TRUE(outcome.frames[at - 1].key) << "the new encoder begins with a key frame";
    if (at > 1) {
      EXPECT_NE(outcome.frames[at - 1].stream, outcome.frames[at - 2].stream);
    }
    ASSERT_EQ(outcome.numbers.size(), at + 3);
    for (std::uint32_t n = 0; n < at + 3; ++n) ASSERT_EQ(outcome.numbers[n], n);
    ASSERT_EQ(machine_.nvenc.live_handles(), 0u) << machine_.nvenc.live_names();
    ASSERT_EQ(machine_.cuda.live_handles(), 0u) << machine_.cuda.live_names();
  }
}

TEST_F(EncodeLoopOnStandIns, AFailureInsideTheChipLosesWhatWasInsideAndNoMore) {
  for (const char* call : {"nvEncLockBitstream", "nvEncUnlockBitstream", "nvEncMapInputResource"}) {
    SCOPED_TRACE(call);
    machine_.nvenc.reset();
    ASSERT_TRUE(machine_.nvenc.set_fail((std::string(call) + "@10=20").c_str()));
    const Outcome outcome = stream(20);
    EXPECT_FALSE(outcome.error);
    EXPECT_GE(outcome.frames.size(), 19u);
    EXPECT_EQ(outcome.encoders, std::vector<std::string>{"nvenc h264"});
    for (const auto& number : outcome.numbers) EXPECT_TRUE(number) << "a broken picture";
    EXPECT_EQ(outcome.numbers.back(), 19u);
  }
}

TEST_F(EncodeLoopOnStandIns, AChipThatFailsForGoodIsLeftForSoftware) {
  ASSERT_TRUE(machine_.nvenc.set_fail("nvEncEncodePicture@8+=20"));
  const Outcome outcome = stream(30);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.encoders, (std::vector<std::string>{"nvenc h264", "libx264"}));
  EXPECT_NE(reason(outcome, "nvenc").find("failed 3 times while streaming"), std::string::npos)
      << reason(outcome, "nvenc");
  EXPECT_NE(reason(outcome, "ffmpeg-nvenc"), "not there");
  EXPECT_EQ(reason(outcome, "software"), "taken: libx264");
  ASSERT_EQ(outcome.numbers.size(), 30u) << "no picture is lost on the way down";
  for (std::uint32_t n = 0; n < 30; ++n) EXPECT_EQ(outcome.numbers[n], n);
}

TEST_F(EncodeLoopOnStandIns, ANamedBackendThatFailsForGoodEndsTheStream) {
  ASSERT_TRUE(machine_.nvenc.set_fail("nvEncEncodePicture@8+=20"));
  const Outcome outcome = stream(30, "nvenc");
  ASSERT_TRUE(outcome.error);
  EXPECT_NE(outcome.error->message.find("nvenc failed 3 times"), std::string::npos)
      << outcome.error->describe();
  EXPECT_EQ(outcome.frames.size(), 7u);
}

TEST_F(EncodeLoopOnStandIns, NoSessionFreeIsSoftwareFromTheStart) {
  machine_.nvenc.set_session_limit(0);
  const Outcome outcome = stream(5);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.encoders, std::vector<std::string>{"libx264"});
  EXPECT_NE(reason(outcome, "nvenc").find("session"), std::string::npos)
      << reason(outcome, "nvenc");
}

TEST_F(EncodeLoopOnStandIns, AGpuThatIsLostIsOpenedAgain) {
  const Outcome outcome = stream(30, "nvenc", [this](std::uint32_t n) {
    if (n == 10) machine_.cuda.kill_context();
  });
  EXPECT_FALSE(outcome.error) << outcome.error->describe();
  EXPECT_EQ(outcome.encoders, std::vector<std::string>{"nvenc h264"});
  ASSERT_FALSE(outcome.numbers.empty());
  EXPECT_EQ(outcome.numbers.back(), 29u);
  EXPECT_GE(outcome.numbers.size(), 28u);
}

}  // namespace
}  // namespace lumen
