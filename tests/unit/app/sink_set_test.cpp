// Sinks that come, go, fail and are finished all at once, while the stream goes on.
#include "app/pipeline/sink_set.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace lumen {
namespace {

using namespace std::chrono_literals;

/// What has become of all sinks together.
struct Records {
  std::atomic<int> alive = 0;
  std::atomic<int> opened = 0;
  std::atomic<int> closed = 0;
  std::atomic<int> wrong = 0;  // calls that can't come in this order
  std::mutex mutex;
  std::map<std::string, std::vector<StreamEvent>> events;  // by sink
};

/// Fails, sooner or later, at any of its calls.
class FickleSink final : public Sink {
 public:
  FickleSink(Records& records, unsigned number)
      : records_(records), number_(number), random_(number), patience_(random_() % 60) {
    ++records_.alive;
  }
  ~FickleSink() override {
    records_.wrong += state_ == State::kOpen ? 1 : 0;
    --records_.alive;
  }

  Result<void> open(const StreamParameters&) override {
    expect(State::kNew);
    if (random_() % 8 == 0) return fail(ErrorKind::kIo, "can't begin");
    state_ = State::kOpen;
    ++records_.opened;
    return {};
  }
  Result<void> write(const EncodedFrame&, FrameTimes& times) override {
    expect(State::kOpen);
    times.mark(Stage::kSendBegin);
    if (random_() % 16 == 0) return fail(ErrorKind::kRetry, "a miss");
    if (patience_-- == 0) return fail(ErrorKind::kIo, "fails");
    times.mark(Stage::kSent);
    return {};
  }
  Result<void> write_audio(const AudioPacket&) override {
    expect(State::kOpen);
    if (random_() % 64 == 0) return fail(ErrorKind::kIo, "fails");
    return {};
  }
  Result<void> close() override {
    if (state_ == State::kClosed) ++records_.wrong;
    records_.closed += state_ == State::kOpen ? 1 : 0;
    state_ = State::kClosed;
    if (random_() % 8 == 0) return fail(ErrorKind::kIo, "can't end");
    return {};
  }
  [[nodiscard]] bool needs_periodic_key_frames() const override { return number_ % 2 == 0; }
  [[nodiscard]] SinkStats stats() const override { return {}; }
  [[nodiscard]] std::string describe() const override { return std::to_string(number_); }

 private:
  enum class State : std::uint8_t { kNew, kOpen, kClosed };
  void expect(State state) { records_.wrong += state_ == state ? 0 : 1; }

  Records& records_;
  const unsigned number_;
  std::minstd_rand random_;
  std::uint64_t patience_;
  State state_ = State::kNew;  // the sink's thread only, and then who destroys it
};

class SinkSetRace : public testing::Test {
 protected:
  void add() {
    const unsigned id = sinks_.next_id();
    sinks_.add({.id = id,
                .text = std::to_string(id),
                .runner = std::make_shared<SinkRunner>(
                    std::make_unique<FickleSink>(records_, id), ledger_, nullptr,
                    SinkRunner::Callbacks{
                        .key_frame_needed = [this] { key_ = true; },
                        .failed = [this](const std::string&, const Error&) { ++failures_; },
                        .happened =
                            [this](StreamEvent event) {
                              const std::scoped_lock lock(records_.mutex);
                              records_.events[event.subject].push_back(std::move(event));
                            }})});
  }
  void offer(std::int64_t number) {
    static const std::vector<std::uint8_t> bytes(10);
    EncodedFrame frame;
    frame.pts = Timestamp{Nanoseconds{number}};
    frame.key = key_.exchange(false);
    frame.last = true;
    frame.data = SharedBytes(nullptr, bytes);
    frame.times.mark(Stage::kProduced);
    frame.times.mark(Stage::kEncoded);
    frame.stream = stream_;
    sinks_.offer(frame, number % 50 == 0 ? PictureOrigin::kHost : PictureOrigin::kSession);
    AudioPacket packet;
    packet.pts = frame.pts;
    sinks_.offer(packet);
  }

  Records records_;
  FrameLedger ledger_;
  std::atomic<bool> key_ = true;
  std::atomic<int> failures_ = 0;
  std::shared_ptr<const StreamParameters> stream_ = std::make_shared<StreamParameters>();
  SinkSet sinks_;
};

TEST_F(SinkSetRace, StartStopAndFailureMayComeTogether) {
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  const auto repeat = [&](auto step) {
    threads.emplace_back([&over, step]() mutable {
      while (!over) step();
    });
  };
  repeat([this, number = std::int64_t{0}]() mutable {
    offer(++number);
    std::this_thread::sleep_for(100us);
  });
  repeat([this] {
    if (sinks_.all().size() < 12) add();
    key_ = true;
    std::this_thread::sleep_for(500us);
  });
  // The user removes one, and the host those that have failed; now and then everything stops.
  repeat([this, random = std::minstd_rand{1}]() mutable {
    const auto all = sinks_.all();
    if (all.empty()) return;
    if (const auto one = sinks_.take(all[random() % all.size()].id)) one->runner->finish("removed");
    std::this_thread::sleep_for(1ms);
  });
  repeat([this] {
    for (const RunningSink& sink : sinks_.take_if(
             [](const RunningSink& each) { return each.runner->status().error.has_value(); })) {
      sink.runner->finish();
    }
    std::this_thread::sleep_for(1ms);
  });
  repeat([this] {
    sinks_.finish();
    std::this_thread::sleep_for(20ms);
  });
  repeat([this] {
    (void)sinks_.status();
    (void)sinks_.demand();
    (void)sinks_.backlog();
    sinks_.show_status("{}");
    std::this_thread::sleep_for(200us);
  });
  std::this_thread::sleep_for(2s);
  over = true;
  for (std::thread& thread : threads) thread.join();
  sinks_.finish();
  (void)sinks_.take_if([](const RunningSink&) { return true; });

  EXPECT_GT(records_.opened, 20);
  EXPECT_GT(failures_, 10);
  EXPECT_EQ(records_.wrong, 0) << "calls after the end, or before the beginning";
  EXPECT_EQ(records_.opened, records_.closed);
  EXPECT_EQ(records_.alive, 0);
  for (const auto& [sink, events] : records_.events) {
    const auto count = [&](EventKind kind) {
      return std::ranges::count(events, kind, &StreamEvent::kind);
    };
    EXPECT_LE(count(EventKind::kSenderStarted), 1) << sink;
    EXPECT_EQ(count(EventKind::kSenderStopped), 1) << sink;
    EXPECT_EQ(events.back().kind, EventKind::kSenderStopped) << sink;
  }
}

}  // namespace
}  // namespace lumen
