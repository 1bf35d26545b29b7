// The encode thread when encoders fail under it: the stream goes on, by the same backend or the
// next, and says why. On the NVENC stand-in.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "app/pipeline/encode_loop.h"
#include "encode/access_unit_assembler.h"
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

CapturedFrame captured(std::uint32_t number, Extent size = kSize) {
  const PatternPainter painter(Fourcc::kBGRx, size);
  const Pitch pitch{size.width * 4};
  std::vector<std::byte> bytes(std::size_t{pitch.bytes} * size.height);
  painter.draw(number, view_pixels(reinterpret_cast<std::uint8_t*>(bytes.data()), Fourcc::kBGRx,
                                   size, pitch));
  CapturedFrame frame;
  ShmImage image;
  image.memory = std::make_shared<PlainMemory>(std::move(bytes));
  image.planes[0] = {0, pitch};
  frame.image = image;
  frame.format = Fourcc::kBGRx;
  frame.size = size;
  frame.crop = {0, 0, size};
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
    std::vector<PictureOrigin> origins;  // of the frames
    std::optional<Error> error;
    EncodeStatus status;
    std::vector<std::string> encoders;  // in the order of their first picture
    std::vector<std::optional<std::uint32_t>> numbers;
    std::vector<std::string> events;
  };

  /// Shows so many pictures, each once the one before has been taken, or `lost` says that it will
  /// not be.
  Outcome stream(std::uint32_t pictures, const std::string& encoder = "auto",
                 const std::function<void(std::uint32_t)>& before = {},
                 const std::function<bool(std::uint32_t)>& lost = {}) {
    Outcome outcome;
    std::mutex mutex;
    std::condition_variable changed;
    bool ended = false;
    std::size_t whole_ones = 0;  // access units, however many parts they came in
    LatestSlot<CapturedFrame> slot;
    RepairPolicy policy{RepairSettings{}};
    EncodeLoopSettings settings;
    settings.encoder = encoder;
    settings.video.rate = {4000, 1};
    settings.video.bitrate_bps = 40'000'000;
    settings.zerocopy = ZeroCopy::kOff;
    settings.video.sub_frame = sub_frame_;
    settings.video.slices = sub_frame_ ? 4 : 1;
    // Its rate is one that no encoder keeps up with: only viewers' choices count.
    Adaptation adaptation({.enabled = false, .may_change_size = true});
    adaptation_ = &adaptation;
    EncodeLoop loop(
        settings, slot, policy, adaptation, nullptr,
        {.encoded =
             [&](const EncodedFrame& frame, PictureOrigin origin) {
               const std::scoped_lock lock(mutex);
               outcome.frames.push_back(frame);
               if (frame.last) outcome.origins.push_back(origin);
               whole_ones += frame.last && origin == PictureOrigin::kSession ? 1 : 0;
               changed.notify_all();
             },
         .renegotiate = [](const std::vector<FormatOffer>&) {},
         .finished =
             [&](std::optional<Error> error) {
               const std::scoped_lock lock(mutex);
               outcome.error = std::move(error);
               ended = true;
               changed.notify_all();
             },
         .backlog = [] { return 0.0; },
         .happened =
             [&](const StreamEvent& event) {
               const std::scoped_lock lock(mutex);
               outcome.events.push_back(std::string(to_string(event.kind)) + " " + event.subject);
             }});
    loop_ = &loop;
    video_ = settings.video;
    const auto started = loop.start();
    EXPECT_TRUE(started);
    for (std::uint32_t n = 0; n < pictures; ++n) {
      if (before) before(n);
      std::unique_lock lock(mutex);
      const std::size_t seen = whole_ones;
      lock.unlock();
      CapturedFrame frame = captured(n, size_);
      if (retouch_) retouch_(n, frame);
      slot.put(std::move(frame));
      lock.lock();
      // A picture that an encoder died of comes late, or never where it was inside.
      const auto taken = [&] { return ended || whole_ones > seen; };
      const auto give_up =
          std::chrono::steady_clock::now() + (lost ? Nanoseconds{20s} : Nanoseconds{1s});
      while (!taken() && std::chrono::steady_clock::now() < give_up && !(lost && lost(n))) {
        changed.wait_for(lock, lost ? 1ms : 1000ms, taken);
      }
      if (ended) break;
    }
    outcome.status = loop.status();
    slot.close();
    loop.join();
    outcome.status = loop.status();
    test::PlayerDecoder player(Codec::kH264);
    AccessUnitAssembler assembler;
    for (EncodedFrame& part : std::exchange(outcome.frames, {})) {
      auto whole = assembler.add(std::move(part));
      if (whole) outcome.frames.push_back(std::move(*whole));
    }
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
  std::function<void(std::uint32_t, CapturedFrame&)> retouch_;
  bool sub_frame_ = false;
  Extent size_ = kSize;
  Adaptation* adaptation_ = nullptr;  // of the stream that runs
  EncodeLoop* loop_ = nullptr;        // the same
  EncoderSettings video_;             // what it was asked for
};

TEST_F(EncodeLoopOnStandIns, AnotherBitRateAndSizeNeedNoNewEncoder) {
  size_ = {320, 192};
  const Outcome outcome = stream(30, "nvenc", [&](std::uint32_t n) {
    EncoderSettings slower = video_;
    slower.bitrate_bps = 30'000'000;
    const AdaptationSettings fixed{.enabled = false, .may_change_size = true};
    if (n == 10) {
      EXPECT_TRUE(loop_->change({.video = slower, .adaptation = fixed}));
    }
    if (n == 15) {
      EXPECT_EQ(adaptation_->status().shape.bitrate_bps, 30'000'000u);
    }
    if (n == 20) {
      EXPECT_TRUE(loop_->change({.video = slower, .size = Extent{240, 144}, .adaptation = fixed}));
    }
  });
  EXPECT_FALSE(outcome.error);
  ASSERT_EQ(outcome.numbers.size(), 30u);
  for (std::uint32_t n = 0; n < 30; ++n) {
    EXPECT_EQ(outcome.numbers[n], n);
    EXPECT_EQ(outcome.frames[n].key, n % 20 == 0) << n;
    EXPECT_EQ(outcome.frames[n].stream->size, (n < 20 ? Extent{320, 192} : Extent{240, 144})) << n;
  }
  EXPECT_EQ(machine_.nvenc.calls("nvEncOpenEncodeSessionEx"), 1u);
  EXPECT_STREQ(machine_.nvenc.violations(), "");
}

Cursor cursor_at(std::int32_t x) {
  auto shape = std::make_shared<CursorShape>();
  shape->size = {12, 12};
  shape->pixels.assign(std::size_t{12} * 12 * 4, 255);
  return {std::move(shape), x, 80};
}

TEST_F(EncodeLoopOnStandIns, APointerThatMovesAloneIsDrawnOnTheLastPicture) {
  retouch_ = [](std::uint32_t n, CapturedFrame& frame) {
    frame.cursor = cursor_at(static_cast<std::int32_t>(n));
    if (n % 10 == 0) return;
    frame.image = SamePicture{};
    frame.damage = Damage::nothing();
  };
  for (const char* const backend : {"nvenc", "software"}) {
    SCOPED_TRACE(backend);
    const Outcome outcome = stream(30, backend);
    EXPECT_FALSE(outcome.error);
    ASSERT_EQ(outcome.numbers.size(), 30u);
    for (std::uint32_t n = 0; n < 30; ++n) {
      EXPECT_EQ(outcome.numbers[n], n / 10 * 10) << n;
      EXPECT_EQ(outcome.frames[n].times.id, n + 1);
    }
    EXPECT_EQ(outcome.status.repeated, 0u);
  }
  EXPECT_STREQ(machine_.nvenc.violations(), "");
  EXPECT_STREQ(machine_.cuda.violations(), "");
}

// The screen has changed with a picture that could not be read, and not since.
TEST_F(EncodeLoopOnStandIns,
       APictureThatWasMissedIsSeenWithTheNextOneThoughThePointerMovedBetween) {
  retouch_ = [](std::uint32_t n, CapturedFrame& frame) {
    frame.cursor = cursor_at(static_cast<std::int32_t>(n));
    if (n == 1) std::get<ShmImage>(frame.image).memory = nullptr;
    if (n == 2) frame.image = SamePicture{};
    if (n == 3) frame.image = captured(1).image;
    if (n >= 2) frame.damage = Damage::nothing();
  };
  const Outcome outcome = stream(4, "software");
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.status.skipped, 1u);
  ASSERT_GE(outcome.numbers.size(), 3u);  // the last one is repeated, too, where nothing comes
  EXPECT_EQ(outcome.numbers.front(), 0u);
  EXPECT_EQ(outcome.numbers.back(), 1u);
}

TEST_F(EncodeLoopOnStandIns, ACodecComesAfterAllThatWasEncodedBefore) {
  std::size_t seen = 0;
  const Outcome outcome = stream(20, "nvenc", [&](std::uint32_t n) {
    if (n != 10) return;
    EncoderSettings other = video_;
    other.codec = Codec::kHevc;
    EXPECT_TRUE(loop_->change({.video = other, .adaptation = {.enabled = false}},
                              [&] { seen = loop_->status().frames; }));
  });
  EXPECT_FALSE(outcome.error);
  ASSERT_EQ(outcome.frames.size(), 20u);
  EXPECT_EQ(seen, 10u) << "pictures were still inside when the sinks were told";
  for (std::size_t n = 0; n < 20; ++n) {
    EXPECT_EQ(outcome.frames[n].stream->codec, n < 10 ? Codec::kH264 : Codec::kHevc) << n;
  }
  EXPECT_TRUE(outcome.frames[10].key);
  EXPECT_STREQ(machine_.nvenc.violations(), "");
}

TEST_F(EncodeLoopOnStandIns, WhatCannotBeEncodedChangesNothing) {
  bool told = false;
  const Outcome outcome = stream(20, "nvenc", [&](std::uint32_t n) {
    if (n != 10) return;
    EncoderSettings other = video_;
    other.codec = Codec::kHevc;
    const auto changed = loop_->change(  // smaller than any NVENC takes
        {.video = other, .size = Extent{16, 16}, .adaptation = {.enabled = false}},
        [&] { told = true; });
    EXPECT_FALSE(changed);
  });
  EXPECT_FALSE(outcome.error) << outcome.error->describe();
  EXPECT_FALSE(told);
  ASSERT_EQ(outcome.numbers.size(), 20u);
  for (std::uint32_t n = 0; n < 20; ++n) {
    EXPECT_EQ(outcome.numbers[n], n);
    EXPECT_EQ(outcome.frames[n].stream->codec, Codec::kH264);
  }
}

TEST_F(EncodeLoopOnStandIns, AStreamThatHasEndedTakesNoChange) {
  LatestSlot<CapturedFrame> slot;
  RepairPolicy policy{RepairSettings{}};
  Adaptation adaptation({.enabled = false});
  EncodeLoop loop({.zerocopy = ZeroCopy::kOff}, slot, policy, adaptation, nullptr,
                  {.encoded = [](const EncodedFrame&, PictureOrigin) {},
                   .renegotiate = [](const std::vector<FormatOffer>&) {},
                   .finished = [](const std::optional<Error>&) {},
                   .backlog = [] { return 0.0; },
                   .happened = [](const StreamEvent&) {},
                   .demand = [] { return Demand{}; },
                   .flow = [](EncodeLoop::Flow) {}});
  ASSERT_TRUE(loop.start());
  slot.close();
  loop.join();
  const auto changed = loop.change({.adaptation = {.enabled = false}});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().kind, ErrorKind::kCancelled);
}

// No encoder is opened anew for it, and no picture is lost.
TEST_F(EncodeLoopOnStandIns, FollowsAViewersChoiceInMidStream) {
  size_ = {320, 192};
  for (const char* const backend : {"nvenc", "software"}) {
    SCOPED_TRACE(backend);
    machine_.nvenc.reset();
    const Outcome outcome = stream(30, backend, [&](std::uint32_t n) {
      if (n == 10 && !adaptation_->set_quality("low")) ADD_FAILURE();
      if (n == 20 && !adaptation_->set_quality("auto")) ADD_FAILURE();
    });
    EXPECT_FALSE(outcome.error) << outcome.error->describe();
    ASSERT_EQ(outcome.numbers.size(), 30u);
    const Extent full = outcome.frames.front().stream->size;
    for (std::uint32_t n = 0; n < 30; ++n) {
      EXPECT_EQ(outcome.numbers[n], n);
      EXPECT_EQ(outcome.frames[n].key, n % 10 == 0) << n;
      const Extent size = outcome.frames[n].stream->size;
      if (n >= 10 && n < 20) {
        EXPECT_EQ(size.width, full.width * 3 / 4) << n;
      } else {
        EXPECT_EQ(size, full) << n;
      }
    }
    if (std::string_view(backend) == "nvenc") {
      EXPECT_EQ(machine_.nvenc.calls("nvEncOpenEncodeSessionEx"), 1u);
      EXPECT_STREQ(machine_.nvenc.violations(), "");
    }
  }
}

// The same encoder goes on, on the GPU as on the CPU.
TEST_F(EncodeLoopOnStandIns, ShowsThatTheSessionIsAwayInTheSameStream) {
  size_ = {320, 192};
  for (const char* const backend : {"nvenc", "ffmpeg-nvenc", "software"}) {
    SCOPED_TRACE(backend);
    machine_.nvenc.reset();
    const Outcome outcome = stream(20, backend, [&](std::uint32_t n) {
      if (n != 10) return;
      loop_->source_lost("the compositor went away");
      const auto give_up = std::chrono::steady_clock::now() + 20s;
      while (loop_->status().waiting < 3 && std::chrono::steady_clock::now() < give_up) {
        std::this_thread::sleep_for(5ms);
      }
    });
    EXPECT_FALSE(outcome.error) << outcome.error->describe();
    EXPECT_EQ(outcome.status.frames - outcome.status.repeated, 20u) << "ours are not the session's";
    ASSERT_EQ(outcome.origins.size(), outcome.frames.size());
    ASSERT_EQ(outcome.numbers.size(), outcome.frames.size()) << "some can't be played";
    std::uint32_t next = 0;
    std::size_t ours = 0;
    for (std::size_t i = 0; i < outcome.frames.size(); ++i) {
      EXPECT_EQ(outcome.frames[i].stream, outcome.frames.front().stream) << "another encoder";
      if (outcome.origins[i] == PictureOrigin::kHost) {
        ++ours;
        EXPECT_EQ(next, 10u) << "while it is away only";
        EXPECT_FALSE(outcome.numbers[i]) << "that is the session's old picture";
        continue;
      }
      ASSERT_TRUE(outcome.numbers[i]);
      const bool again = next > 0 && *outcome.numbers[i] == next - 1;  // a still screen
      if (again) continue;
      EXPECT_EQ(*outcome.numbers[i], next);
      EXPECT_EQ(outcome.frames[i].key, next == 0 || next == 10) << next;
      ++next;
    }
    EXPECT_EQ(next, 20u);
    EXPECT_GE(ours, 3u);
    if (std::string_view(backend) == "nvenc") {
      EXPECT_EQ(machine_.nvenc.calls("nvEncOpenEncodeSessionEx"), 1u);
      EXPECT_STREQ(machine_.nvenc.violations(), "");
    }
  }
}

TEST_F(EncodeLoopOnStandIns, SlicesCountAsThePicturesThatTheyAreOf) {
  sub_frame_ = true;
  const Outcome outcome = stream(20);
  EXPECT_FALSE(outcome.error);
  ASSERT_EQ(outcome.numbers.size(), 20u);
  for (std::uint32_t n = 0; n < 20; ++n) EXPECT_EQ(outcome.numbers[n], n);
  EXPECT_EQ(outcome.status.frames, 20u);
  EXPECT_EQ(outcome.status.key_frames, 1u);
  std::uint64_t bytes = 0;
  for (const EncodedFrame& frame : outcome.frames) bytes += frame.data.view().size();
  EXPECT_EQ(outcome.status.bytes, bytes);
}

TEST_F(EncodeLoopOnStandIns, AFailureBetweenTwoSlicesLosesThatPictureOnly) {
  sub_frame_ = true;
  // Four slices: busy, three early ones and the rest.
  for (int at = 30; at < 40; ++at) {
    SCOPED_TRACE(at);
    machine_.nvenc.reset();
    ASSERT_TRUE(
        machine_.nvenc.set_fail(("nvEncLockBitstream@" + std::to_string(at) + "=20").c_str()));
    const Outcome outcome = stream(16);
    EXPECT_FALSE(outcome.error);
    // The still screen's repeats are no pictures of the source's: without them one is missing.
    const std::size_t whole = outcome.frames.size() - outcome.status.repeated;
    EXPECT_GE(whole, 14u);
    EXPECT_LE(whole, 15u);
    for (const auto& number : outcome.numbers) EXPECT_TRUE(number) << "a broken picture";
    EXPECT_EQ(outcome.numbers.back(), 15u);
    EXPECT_EQ(outcome.status.key_frames, 2u);
  }
}

TEST_F(EncodeLoopOnStandIns, ADriverThatIsTooOldIsPassedOver) {
  machine_.nvenc.set_version(10, 0);
  const Outcome outcome = stream(5);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.encoders, std::vector<std::string>{"libx264"});
  EXPECT_NE(reason(outcome, "nvenc").find("10.0"), std::string::npos) << reason(outcome, "nvenc");
  EXPECT_NE(reason(outcome, "ffmpeg-nvenc"), "not there");
  EXPECT_EQ(outcome.numbers.size(), 5u);
}

TEST_F(EncodeLoopOnStandIns, TheBestBackendIsTaken) {
  const Outcome outcome = stream(20);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.encoders, std::vector<std::string>{"nvenc h264"});
  EXPECT_EQ(reason(outcome, "nvenc"), "taken: nvenc h264");
  ASSERT_EQ(outcome.numbers.size(), 20u);
  for (std::uint32_t n = 0; n < 20; ++n) EXPECT_EQ(outcome.numbers[n], n);
}

/// A call that fails once, and pictures to try that at: sixty of the first 300 each.
struct Fault {
  const char* call;
  std::uint32_t from;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.call << "@" << fault.from; }

class OneFault : public EncodeLoopOnStandIns, public testing::WithParamInterface<Fault> {};

TEST_P(OneFault, AtAnyPictureLosesWhatWasInsideAndKeepsTheBackend) {
  const Fault fault = GetParam();
  const bool at_submission = std::string_view(fault.call) == "nvEncEncodePicture";
#ifdef LUMEN_LONG_TESTS
  constexpr std::uint32_t kStep = 1;
#else
  constexpr std::uint32_t kStep = 13;
#endif
  for (std::uint32_t at = fault.from; at < fault.from + 60; at += kStep) {
    SCOPED_TRACE(at);
    machine_.nvenc.reset();
    ASSERT_TRUE(machine_.nvenc.set_fail(
        (std::string(fault.call) + "@" + std::to_string(at) + "=20").c_str()));
    const std::uint32_t pictures = at + 3;
    // The one that the chip fails with inside never comes; the rest is waited for.
    const auto clock = [] { return std::chrono::steady_clock::now(); };
    auto waiting_since = clock();
    const Outcome outcome = stream(
        pictures, "auto", [&](std::uint32_t) { waiting_since = clock(); },
        [&](std::uint32_t n) {
          if (at_submission) return false;
          if (n + 1 == at) return machine_.nvenc.calls(fault.call) >= at;
          // The next picture may have gone to the encoder that is dead already.
          return n == at && clock() - waiting_since > 1s;
        });
    EXPECT_FALSE(outcome.error);
    EXPECT_EQ(outcome.encoders, std::vector<std::string>{"nvenc h264"});
    EXPECT_EQ(reason(outcome, "nvenc"), "taken: nvenc h264");
    // The next picture may be inside already when the failure shows.
    const std::size_t lost = at_submission ? 0 : pictures - outcome.frames.size();
    ASSERT_LE(lost, 2u);
    ASSERT_EQ(outcome.frames.size(), pictures - lost);
    ASSERT_EQ(outcome.numbers.size(), pictures - lost);
    for (std::uint32_t i = 0; i < outcome.frames.size(); ++i) {
      const bool before = i + 1 < at;
      ASSERT_EQ(outcome.numbers[i], before ? i : i + lost) << "pictures are lost, or broken";
      ASSERT_EQ(outcome.frames[i].key, i == 0 || i == at - 1) << "picture " << i;
      ASSERT_EQ(outcome.frames[i].stream == outcome.frames.front().stream, before || at == 1)
          << "new parameter sets with the new encoder, and only then";
    }
    ASSERT_STREQ(machine_.nvenc.violations(), "");
    ASSERT_EQ(machine_.nvenc.live_handles(), 0u) << machine_.nvenc.live_names();
    ASSERT_EQ(machine_.cuda.live_handles(), 0u) << machine_.cuda.live_names();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Pictures, OneFault,
    testing::Values(Fault{"nvEncEncodePicture", 1}, Fault{"nvEncEncodePicture", 61},
                    Fault{"nvEncEncodePicture", 121}, Fault{"nvEncEncodePicture", 181},
                    Fault{"nvEncEncodePicture", 241}, Fault{"nvEncLockBitstream", 1},
                    Fault{"nvEncLockBitstream", 61}, Fault{"nvEncLockBitstream", 121},
                    Fault{"nvEncLockBitstream", 181}, Fault{"nvEncLockBitstream", 241}),
    [](const auto& each) {
      return std::string(each.param.call) + "From" + std::to_string(each.param.from);
    });

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
  EXPECT_EQ(std::ranges::count(outcome.events, "encode_error nvenc"), 3);
  ASSERT_GE(outcome.events.size(), 2u);
  EXPECT_EQ(outcome.events.back(), "fallback_completed software");
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
