// The queue in front of a sink, with access units that come whole and in parts.
#include "app/pipeline/sink_runner.h"

#include <condition_variable>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

namespace lumen {
namespace {

struct Written {
  std::int64_t picture = 0;
  unsigned part = 0;
  bool last = false;
  std::size_t bytes = 0;
  friend bool operator==(const Written&, const Written&) = default;
};
void PrintTo(const Written& one, std::ostream* out) {
  *out << one.picture << "." << one.part << (one.last ? " last " : " ") << one.bytes;
}

/// Outlives the sink.
struct Script {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Written> written;
  bool lose_all = false;           // kRetry for everything
  std::vector<std::string> calls;  // "expect audio", "open", "sound 7"
  bool held = false;               // write() waits
  std::optional<Written> lose;     // kRetry at this picture and part
  bool parts = false;

  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds{10}, [&] { return written.size() >= count; });
  }
  void release() {
    const std::scoped_lock lock(mutex);
    held = false;
    changed.notify_all();
  }
};

class ScriptedSink final : public Sink {
 public:
  explicit ScriptedSink(Script& script) : script_(script) {}
  void expect_audio(const AudioParameters&) override { note("expect audio"); }
  Result<void> open(const StreamParameters&) override {
    note("open");
    return {};
  }
  Result<void> write_audio(const AudioPacket& packet) override {
    note("sound " + std::to_string(packet.pts.time_since_epoch().count()));
    return {};
  }
  [[nodiscard]] bool takes_parts() const override { return script_.parts; }
  Result<void> write(const EncodedFrame& frame, FrameTimes& times) override {
    std::unique_lock lock(script_.mutex);
    script_.changed.wait(lock, [this] { return !script_.held; });
    const std::int64_t picture = frame.pts.time_since_epoch().count();
    times.mark(Stage::kSendBegin);
    if (script_.lose_all) return fail(ErrorKind::kRetry, "lost");
    if (script_.lose && script_.lose->picture == picture && script_.lose->part == frame.part) {
      script_.lose.reset();
      return fail(ErrorKind::kRetry, "lost");
    }
    times.mark(Stage::kSent);
    script_.written.push_back({picture, frame.part, frame.last, frame.data.view().size()});
    script_.changed.notify_all();
    return {};
  }
  Result<void> close() override { return {}; }
  [[nodiscard]] bool needs_periodic_key_frames() const override { return false; }
  [[nodiscard]] SinkStats stats() const override { return {}; }
  [[nodiscard]] std::string describe() const override { return "scripted"; }

 private:
  void note(std::string call) {
    const std::scoped_lock lock(script_.mutex);
    script_.calls.push_back(std::move(call));
  }
  Script& script_;
};

class SinkRunnerTest : public testing::Test {
 protected:
  void start(bool parts) {
    script_.parts = parts;
    runner_ = std::make_unique<SinkRunner>(
        std::make_unique<ScriptedSink>(script_), ledger_, nullptr,
        SinkRunner::Callbacks{.key_frame_needed = [this] { ++wishes_; },
                              .failed = [this](const std::string&, const Error&) { ++failures_; },
                              .happened =
                                  [this](const StreamEvent& event) {
                                    const std::scoped_lock lock(script_.mutex);
                                    events_.push_back(std::string(to_string(event.kind)) + " " +
                                                      event.reason);
                                  }});
  }
  void offer(std::int64_t picture, bool key, unsigned parts = 3) {
    for (unsigned i = 0; i < parts; ++i) offer_part(picture, key, i, i + 1 == parts);
  }
  void offer_part(std::int64_t picture, bool key, unsigned number, bool last) {
    static const std::vector<std::uint8_t> bytes(10);
    EncodedFrame frame;
    frame.pts = Timestamp{Nanoseconds{picture}};
    frame.key = key;
    frame.part = number;
    frame.last = last;
    frame.data = SharedBytes(nullptr, bytes);
    frame.times.mark(Stage::kProduced);
    frame.times.mark(Stage::kEncoded);
    frame.stream = stream_;
    runner_->offer(frame);
  }
  void offer_sound(int time) {
    AudioPacket packet;
    packet.pts = Timestamp{Nanoseconds{time}};
    runner_->offer(packet);
  }
  std::vector<Written> finish() {
    runner_->finish();
    status_ = runner_->status();
    runner_.reset();
    return script_.written;
  }

  Script script_;
  FrameLedger ledger_;
  std::atomic<int> wishes_ = 0;
  std::atomic<int> failures_ = 0;
  std::vector<std::string> events_;
  std::shared_ptr<const StreamParameters> stream_ = std::make_shared<StreamParameters>();
  std::unique_ptr<SinkRunner> runner_;
  SinkRunner::Status status_;
};

TEST_F(SinkRunnerTest, ASinkThatWantsWholeAccessUnitsGetsThem) {
  start(false);
  offer(1, true);
  offer(2, false);
  EXPECT_EQ(finish(), (std::vector<Written>{{1, 0, true, 30}, {2, 0, true, 30}}));
  EXPECT_EQ(ledger_.total().all.frames, 2u);
}

TEST_F(SinkRunnerTest, GoesOnWithAKeyFrameAfterPicturesThatAreNotForIt) {
  start(false);
  offer(1, true);
  offer(2, false);
  runner_->skip();
  runner_->skip();
  offer(5, false);  // refers to what was skipped
  offer(6, true);
  offer(7, false);
  EXPECT_EQ(finish(), (std::vector<Written>{
                          {1, 0, true, 30}, {2, 0, true, 30}, {6, 0, true, 30}, {7, 0, true, 30}}));
  EXPECT_EQ(status_.dropped, 1U) << "what was not for it is no loss";
}

TEST_F(SinkRunnerTest, ASinkThatHasEndedWantsNoFrames) {
  start(false);
  offer(1, true);
  EXPECT_TRUE(runner_->wants_frames());
  runner_->finish();
  EXPECT_FALSE(runner_->wants_frames());
}

TEST_F(SinkRunnerTest, ASinkThatTakesPartsGetsThemBeforeTheLastOneIsThere) {
  start(true);
  offer_part(1, true, 0, false);
  script_.wait_for(1);
  EXPECT_EQ(script_.written, (std::vector<Written>{{1, 0, false, 10}}));
  offer_part(1, true, 1, true);
  EXPECT_EQ(finish(), (std::vector<Written>{{1, 0, false, 10}, {1, 1, true, 10}}));
  EXPECT_EQ(ledger_.total().all.frames, 1u) << "in the books it is one";
  EXPECT_EQ(ledger_.total().all.clock_anomalies, 0u);
}

TEST_F(SinkRunnerTest, AFullQueueDropsWholeAccessUnitsUpToTheNextKeyFrame) {
  start(true);
  script_.held = true;
  for (int n = 0; n < 200; ++n) offer(n, n == 0);
  EXPECT_EQ(wishes_, 1);
  script_.release();
  script_.wait_for(360);
  offer(200, false);
  offer(201, true);
  const auto written = finish();
  EXPECT_GE(status_.dropped, 79u);
  EXPECT_LE(status_.dropped, 81u) << "each access unit counts once";
  ASSERT_EQ(written.size() % 3, 0u);
  for (std::size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ(written[i].part, i % 3);
    EXPECT_EQ(written[i].picture, written[i - i % 3].picture) << "torn";
  }
  EXPECT_EQ(written.back().picture, 201);
  EXPECT_LT(written[written.size() - 4].picture, 125)
      << "nothing between the gap and the key frame";
}

TEST_F(SinkRunnerTest, APartThatIsLostTakesTheRestOfItsAccessUnitAlong) {
  start(true);
  script_.lose = Written{2, 1, false, 0};
  offer(1, true);
  script_.wait_for(3);
  offer_part(2, false, 0, false);
  script_.wait_for(4);
  offer_part(2, false, 1, false);
  for (int i = 0; i < 10'000 && wishes_ == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  EXPECT_EQ(wishes_, 1);
  offer_part(2, false, 2, true);
  offer(3, false);
  offer(4, true);
  const auto written = finish();
  std::vector<std::pair<std::int64_t, unsigned>> got;
  for (const Written& one : written) got.emplace_back(one.picture, one.part);
  EXPECT_EQ(got, (std::vector<std::pair<std::int64_t, unsigned>>{
                     {1, 0}, {1, 1}, {1, 2}, {2, 0}, {4, 0}, {4, 1}, {4, 2}}));
  EXPECT_EQ(status_.dropped, 2u);
  EXPECT_EQ(ledger_.total().all.frames, 2u);
}

TEST_F(SinkRunnerTest, TellsWhenItBeginsAndEnds) {
  start(false);
  offer(1, true);
  finish();
  EXPECT_EQ(events_,
            (std::vector<std::string>{"sender_started first_frame", "sender_stopped finished"}));
}

TEST_F(SinkRunnerTest, ASinkThatLosesMostOfTenSecondsIsGivenUp) {
  start(false);
  offer(1, true, 1);
  script_.wait_for(1);
  script_.lose_all = true;
  for (int i = 1; i <= 120 && failures_ == 0; ++i) {
    const int before = wishes_;
    offer(i * std::int64_t{100'000'000}, true, 1);
    for (int j = 0; j < 10'000 && wishes_ == before && failures_ == 0; ++j) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    if (i == 50) {
      EXPECT_EQ(failures_, 0) << "five seconds are passing trouble";
    }
  }
  finish();
  EXPECT_EQ(failures_, 1);
  ASSERT_TRUE(status_.error);
  EXPECT_NE(status_.error->message.find("ten seconds"), std::string::npos);
  EXPECT_EQ(events_, (std::vector<std::string>{"sender_started first_frame", "transport_error io",
                                               "sender_stopped failed"}));
}

TEST_F(SinkRunnerTest, SoundGoesWithThePicturesOnceThereAreSome) {
  start(false);
  runner_->expect_audio({});
  offer_sound(1);  // nothing to go with
  offer(1, true);
  offer_sound(2);
  offer(2, false);
  offer_sound(3);
  EXPECT_EQ(finish().size(), 2U);
  EXPECT_EQ(script_.calls,
            (std::vector<std::string>{"expect audio", "open", "sound 2", "sound 3"}));
}

TEST_F(SinkRunnerTest, PicturesThatAreDroppedTakeNoSoundAlong) {
  start(false);
  script_.held = true;
  for (int n = 0; n < 400; ++n) {
    offer(n, n == 0, 1);
    offer_sound(n);
  }
  script_.release();
  finish();
  EXPECT_GT(status_.dropped, 200U);
  EXPECT_EQ(script_.calls.size(), 401U) << "all of the sound, and open()";
}

TEST_F(SinkRunnerTest, ASinkThatHangsGathersNoEndlessSound) {
  start(false);
  script_.held = true;
  offer(1, true);
  for (int n = 0; n < 2000; ++n) offer_sound(n);
  script_.release();
  finish();
  EXPECT_LT(script_.calls.size(), 600U);
}

TEST_F(SinkRunnerTest, WhatComesBeforeTheFirstKeyFrameIsNoLoss) {
  start(true);
  offer(1, false);
  offer(2, true);
  EXPECT_EQ(finish().size(), 3u);
  EXPECT_EQ(status_.dropped, 0u) << "a sink that was added in mid-stream has lost nothing";
}

}  // namespace
}  // namespace lumen
