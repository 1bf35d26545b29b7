#include "capture/synthetic/synthetic_source.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capture/synthetic/barcode.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

/// Keeps everything that a source says; leases too, unless told to drop them.
class Recorder final : public CaptureListener {
 public:
  enum class Leases { kKeep, kDrop };
  explicit Recorder(Leases leases) : leases_(leases) {}

  void on_frame(CapturedFrame frame) override {
    if (leases_ == Leases::kDrop) frame.lease.drop();
    add([&] { frames_.push_back(std::move(frame)); });
  }
  void on_format(const CaptureFormat& format) override {
    add([&] { formats_.push_back(format); });
  }
  void on_state(CaptureState state, const std::string&) override {
    add([&] { states_.push_back(state); });
  }
  void on_failure(Error error) override {
    add([&] { failures_.push_back(std::move(error)); });
  }

  template <typename Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return condition(*this); });
  }
  [[nodiscard]] bool ended() const {
    return !states_.empty() && states_.back() == CaptureState::kEnded;
  }
  void drop_leases() {
    const std::scoped_lock lock(mutex_);
    for (CapturedFrame& frame : frames_) frame.lease.drop();
    leases_ = Leases::kDrop;
  }

  // Read after stop(), or inside wait().
  std::deque<CapturedFrame> frames_;
  std::vector<CaptureFormat> formats_;
  std::vector<CaptureState> states_;
  std::vector<Error> failures_;

 private:
  template <typename Change>
  void add(Change change) {
    const std::scoped_lock lock(mutex_);
    change();
    changed_.notify_all();
  }

  Leases leases_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

constexpr FormatOffer host(Fourcc format) { return {format, {}}; }

CaptureRequest wanting(std::vector<FormatOffer> offers, FrameRate max_rate = {1000, 1}) {
  return {.offers = std::move(offers), .max_rate = max_rate};
}

std::optional<std::uint32_t> number_in_nv12(const CapturedFrame& frame) {
  const auto& image = std::get<ShmImage>(frame.image);
  const auto scope = image.memory->read();
  const auto* const luma = reinterpret_cast<const std::uint8_t*>(scope.bytes().data());
  return barcode::read_luma(luma + image.planes[0].offset_bytes, image.planes[0].pitch, frame.size);
}

TEST(SyntheticSource, EveryFrameIsDueExactlyAndCarriesItsNumber) {
  constexpr FrameRate kRate{30000, 1001};
  SyntheticSource source({.size = {320, 180}, .rate = kRate, .frame_limit = 8});
  Recorder recorder(Recorder::Leases::kDrop);
  // Buffers are drawn again once their lease is dropped, so numbers are read while the lease holds.
  class Reader final : public CaptureListener {
   public:
    explicit Reader(Recorder& next) : next_(next) {}
    void on_frame(CapturedFrame frame) override {
      numbers_.push_back(number_in_nv12(frame));
      next_.on_frame(std::move(frame));
    }
    void on_format(const CaptureFormat& format) override { next_.on_format(format); }
    void on_state(CaptureState state, const std::string& why) override {
      next_.on_state(state, why);
    }
    void on_failure(Error error) override { next_.on_failure(std::move(error)); }
    std::vector<std::optional<std::uint32_t>> numbers_;

   private:
    Recorder& next_;
  } reader(recorder);

  ASSERT_TRUE(source.start(wanting({host(Fourcc::kNV12)}), reader));
  ASSERT_TRUE(recorder.wait([](Recorder& r) { return r.ended(); }));
  source.stop();

  const CaptureStats stats = source.stats();
  EXPECT_EQ(stats.received + stats.superseded, 8U);
  ASSERT_EQ(stats.received, recorder.frames_.size());
  EXPECT_EQ(stats.leases_out, 0U);
  ASSERT_FALSE(recorder.frames_.empty());
  const CapturedFrame& first = recorder.frames_.front();
  const std::uint32_t first_number = reader.numbers_.front().value();
  const Timestamp start = first.times[Stage::kProduced] - frame_offset(kRate, first_number);
  for (std::size_t i = 0; i < recorder.frames_.size(); ++i) {
    const FrameTimes& times = recorder.frames_[i].times;
    ASSERT_TRUE(reader.numbers_[i]);
    EXPECT_EQ(times[Stage::kProduced] - start, frame_offset(kRate, *reader.numbers_[i]));
    EXPECT_GE(times[Stage::kDequeued], times[Stage::kProduced]);
    EXPECT_EQ(times.id, i + 1);
  }
  EXPECT_THAT(recorder.states_,
              testing::ElementsAre(CaptureState::kStreaming, CaptureState::kEnded));
}

TEST(SyntheticSource, DescribesWhatItDelivers) {
  SyntheticSource source({.size = {322, 181}, .rate = {500, 1}, .frame_limit = 1});
  Recorder recorder(Recorder::Leases::kKeep);
  ASSERT_TRUE(source.start(wanting({{Fourcc::kBGRx, {kModifierLinear}},
                                    host(Fourcc::kI420),
                                    host(Fourcc::kRGBA),
                                    host(Fourcc::kNV12)}),
                           recorder));
  ASSERT_TRUE(recorder.wait([](Recorder& r) { return r.ended(); }));
  source.stop();
  ASSERT_EQ(recorder.formats_.size(), 1U);
  EXPECT_EQ(recorder.formats_[0].format, Fourcc::kRGBA) << "the first offer that can be drawn";
  EXPECT_EQ(recorder.formats_[0].size, (Extent{322, 181}));
  EXPECT_EQ(recorder.formats_[0].rate, (FrameRate{500, 1}));
  ASSERT_EQ(recorder.frames_.size(), 1U);
  const CapturedFrame& frame = recorder.frames_[0];
  EXPECT_EQ(frame.format, Fourcc::kRGBA);
  EXPECT_EQ(frame.size, (Extent{322, 181}));
  EXPECT_EQ(frame.crop, (Rect{0, 0, {322, 181}}));
  const auto& image = std::get<ShmImage>(frame.image);
  EXPECT_GE(image.planes[0].pitch.bytes, 322U * 4);
  EXPECT_GE(image.memory->read().bytes().size(), std::size_t{image.planes[0].pitch.bytes} * 181);
}

TEST(SyntheticSource, TheRequestCapsTheRate) {
  SyntheticSource source({.size = {128, 72}, .rate = {60, 1}, .frame_limit = 1});
  Recorder recorder(Recorder::Leases::kDrop);
  ASSERT_TRUE(source.start(wanting({host(Fourcc::kBGRx)}, {24, 1}), recorder));
  ASSERT_TRUE(recorder.wait([](Recorder& r) { return r.ended(); }));
  source.stop();
  EXPECT_EQ(recorder.formats_.at(0).rate, (FrameRate{24, 1}));
}

TEST(SyntheticSource, APausedSourceDrawsNothingAndGoesOnInTime) {
  SyntheticSource source({.size = {160, 96}, .rate = {100, 1}});
  Recorder recorder(Recorder::Leases::kDrop);
  ASSERT_TRUE(source.start(wanting({host(Fourcc::kBGRx)}), recorder));
  ASSERT_TRUE(recorder.wait([](const Recorder& seen) { return seen.frames_.size() >= 3; }));
  source.pause();
  ASSERT_TRUE(recorder.wait(
      [](const Recorder& seen) { return seen.states_.back() == CaptureState::kPaused; }));
  std::size_t before = 0;
  (void)recorder.wait([&](const Recorder& seen) {
    before = seen.frames_.size();
    return true;
  });
  std::this_thread::sleep_for(300ms);
  (void)recorder.wait([&](const Recorder& seen) {
    EXPECT_EQ(seen.frames_.size(), before);
    return true;
  });
  source.resume();
  ASSERT_TRUE(
      recorder.wait([&](const Recorder& seen) { return seen.frames_.size() > before + 3; }));
  source.stop();
  // The numbers go by the clock, and what nobody wanted is no loss.
  EXPECT_GE(recorder.frames_.back().times.id, before + 25);
  EXPECT_EQ(recorder.states_.back(), CaptureState::kStreaming);
  EXPECT_EQ(source.stats().superseded, 0U);
}

TEST(SyntheticSource, APausedSourceStopsAtOnce) {
  SyntheticSource source({.size = {160, 96}, .rate = {100, 1}});
  Recorder recorder(Recorder::Leases::kDrop);
  source.pause();
  ASSERT_TRUE(source.start(wanting({host(Fourcc::kBGRx)}), recorder));
  ASSERT_TRUE(recorder.wait([](const Recorder& seen) {
    return !seen.states_.empty() && seen.states_.back() == CaptureState::kPaused;
  }));
  source.stop();
  EXPECT_TRUE(recorder.frames_.empty());
}

TEST(SyntheticSource, NoFreeBufferMeansSkippedAndCountedFrames) {
  SyntheticSource source({.size = {128, 72}, .rate = {500, 1}, .frame_limit = 50});
  Recorder recorder(Recorder::Leases::kKeep);
  ASSERT_TRUE(source.start(wanting({host(Fourcc::kNV12)}), recorder));
  ASSERT_TRUE(recorder.wait([](Recorder& r) { return r.ended(); }));
  source.stop();
  EXPECT_EQ(recorder.frames_.size(), SyntheticRing::kBuffers);
  EXPECT_EQ(source.stats().received, SyntheticRing::kBuffers);
  EXPECT_EQ(source.stats().superseded, 50 - SyntheticRing::kBuffers);
  EXPECT_EQ(source.stats().leases_out, SyntheticRing::kBuffers);
  recorder.drop_leases();
  EXPECT_EQ(source.stats().leases_out, 0U);
}

TEST(SyntheticSource, LeasedPixelsStayAsTheyAreEvenAfterTheSourceIsGone) {
  Recorder recorder(Recorder::Leases::kKeep);
  {
    SyntheticSource source({.size = {320, 180}, .rate = {500, 1}, .frame_limit = 20});
    ASSERT_TRUE(source.start(wanting({host(Fourcc::kNV12)}), recorder));
    ASSERT_TRUE(recorder.wait([](Recorder& r) { return r.ended(); }));
  }
  std::vector<std::uint32_t> numbers;
  for (const CapturedFrame& frame : recorder.frames_) {
    numbers.push_back(number_in_nv12(frame).value());
  }
  ASSERT_EQ(numbers.size(), SyntheticRing::kBuffers);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end(), std::less_equal<>()));
  recorder.drop_leases();
}

TEST(SyntheticSource, RenegotiatesToAnotherFormatWhileOldLeasesAreOut) {
  SyntheticSource source({.size = {128, 72}, .rate = {200, 1}});
  Recorder recorder(Recorder::Leases::kKeep);
  ASSERT_TRUE(source.start(wanting({host(Fourcc::kBGRx)}), recorder));
  ASSERT_TRUE(recorder.wait([](Recorder& r) { return !r.frames_.empty(); }));
  source.renegotiate({host(Fourcc::kNV12)});
  ASSERT_TRUE(recorder.wait([](Recorder& r) { return r.frames_.back().format == Fourcc::kNV12; }));
  source.stop();
  EXPECT_EQ(recorder.frames_.front().format, Fourcc::kBGRx);
  ASSERT_EQ(recorder.formats_.size(), 2U);
  EXPECT_EQ(recorder.formats_[1].format, Fourcc::kNV12);
  EXPECT_TRUE(number_in_nv12(recorder.frames_.back()));
  EXPECT_EQ(source.stats().leases_out, recorder.frames_.size()) << "old buffers count too";
}

TEST(SyntheticSource, RenegotiatingToNothingItCanDrawIsAFailure) {
  SyntheticSource source({.size = {128, 72}, .rate = {200, 1}});
  Recorder recorder(Recorder::Leases::kDrop);
  ASSERT_TRUE(source.start(wanting({host(Fourcc::kBGRx)}), recorder));
  source.renegotiate({host(Fourcc::kI420)});
  ASSERT_TRUE(recorder.wait([](Recorder& r) { return !r.failures_.empty(); }));
  source.stop();
  EXPECT_EQ(recorder.failures_[0].kind, ErrorKind::kUnsupported);
}

TEST(SyntheticSource, RefusesAStartThatCannotWork) {
  Recorder recorder(Recorder::Leases::kDrop);
  SyntheticSource source({.size = {128, 72}});
  const auto no_format = source.start(wanting({{Fourcc::kBGRx, {kModifierLinear}}}), recorder);
  ASSERT_FALSE(no_format);
  EXPECT_EQ(no_format.error().kind, ErrorKind::kUnsupported);
  SyntheticSource empty({.size = {0, 72}});
  EXPECT_FALSE(empty.start(wanting({host(Fourcc::kBGRx)}), recorder));
}

TEST(SyntheticSource, StopsAtOnceAndStartsAgain) {
  SyntheticSource source({.size = {128, 72}, .rate = {1, 1000}});  // the second frame is far away
  for (int round = 0; round < 2; ++round) {
    Recorder recorder(Recorder::Leases::kDrop);
    ASSERT_TRUE(source.start(wanting({host(Fourcc::kBGRx)}), recorder));
    ASSERT_TRUE(recorder.wait([](Recorder& r) { return r.frames_.size() == 1; }));
    EXPECT_FALSE(source.start(wanting({host(Fourcc::kBGRx)}), recorder)) << "already running";
    source.stop();
    source.stop();
    EXPECT_EQ(recorder.frames_.size(), 1U);
  }
}

TEST(SyntheticSpec, FillsInWhatIsLeftOut) {
  const auto check = [](std::string_view spec, Extent size, FrameRate rate) {
    const auto settings = parse_synthetic_spec(spec);
    ASSERT_TRUE(settings) << spec << ": " << settings.error().describe();
    EXPECT_EQ(settings->size, size) << spec;
    EXPECT_EQ(settings->rate, rate) << spec;
    EXPECT_EQ(settings->frame_limit, 0U) << spec;
  };
  check("", {1920, 1080}, {60, 1});
  check("1280x720", {1280, 720}, {60, 1});
  check("@30", {1920, 1080}, {30, 1});
  check("1280x720@30", {1280, 720}, {30, 1});
  check("@30000/1001", {1920, 1080}, {30000, 1001});
  check("16384x16384@1000", {16384, 16384}, {1000, 1});
}

TEST(SyntheticSpec, RefusesTheImpossibleAndSaysWhatIsWrong) {
  for (const std::string_view spec :
       {"0x720",        "1280x0",     "16385x720",     "1280x99999999999",
        "1280",         "x",          "1280x",         "x720",
        "-1x720",       "1280x720x3", " 1280x720",     "1280x720@",
        "@0",           "@1001",      "@abc",          "@30/0",
        "@-30",         "@30/",       "@30000/1001/2", "1280x720@30@30",
        "@4000000000/3"}) {
    const auto settings = parse_synthetic_spec(spec);
    ASSERT_FALSE(settings) << spec;
    EXPECT_EQ(settings.error().kind, ErrorKind::kInvalidArgument) << spec;
    EXPECT_FALSE(settings.error().hint.empty()) << spec;
  }
  EXPECT_THAT(parse_synthetic_spec("16385x720").error().describe(),
              testing::HasSubstr("16385x720"));
  EXPECT_THAT(parse_synthetic_spec("@1001").error().describe(), testing::HasSubstr("1001"));
}

}  // namespace
}  // namespace lumen
