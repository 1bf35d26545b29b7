#include "capture/session/screen_cast_source.h"

#include <algorithm>
#include <deque>

#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>

#include "core/log.h"

namespace lumen::session {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;

/// A PipeWire node, which says nothing once its capture was stopped.
struct NodeState {
  std::mutex mutex;
  CaptureListener* listener = nullptr;

  template <typename Call>
  void tell(Call call) {
    const std::scoped_lock lock(mutex);
    if (listener != nullptr) call(*listener);
  }
  void lose(const std::string& reason) {
    tell([&](CaptureListener& to) { to.on_state(CaptureState::kLost, reason); });
  }
};

/// What the test's compositor, PipeWire node and listener share.
struct Stage {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Error> refusals;  // of the next attempts to open
  unsigned opens = 0;
  unsigned ends = 0;
  bool cursor_beside = false;
  bool block_open = false;               // until it is stopped
  std::uint32_t hz = 0;                  // that the granted output shall have
  std::vector<ScreenCast::Ended> ended;  // of each grant
  std::vector<std::shared_ptr<NodeState>> nodes;
  std::vector<CaptureRequest> requests;  // as each node got it
  unsigned running_nodes = 0;
  std::vector<std::uint64_t> frames;
  std::vector<std::pair<CaptureState, std::string>> states;
  std::optional<Error> failure;

  template <typename Condition>
  bool becomes(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, condition);
  }
  template <typename Change>
  void change(Change change) {
    const std::scoped_lock lock(mutex);
    change();
    changed.notify_all();
  }
  void compositor_ends(std::size_t grant, const std::string& reason) {
    std::unique_lock lock(mutex);
    const ScreenCast::Ended end = ended[grant];
    lock.unlock();
    end(reason);
  }
  std::shared_ptr<NodeState> node(std::size_t index) {
    const std::scoped_lock lock(mutex);
    return nodes[index];
  }
  bool streams_again(std::size_t nodes_seen) {
    return becomes([&] { return nodes.size() == nodes_seen && running_nodes == 1; });
  }
};

class FakeCast final : public ScreenCast {
 public:
  explicit FakeCast(Stage& stage) : stage_(stage) {}
  Result<CastGrant> open(std::stop_token stop, Ended ended) override {
    std::unique_lock lock(stage_.mutex);
    ++stage_.opens;
    stage_.changed.notify_all();
    if (stage_.block_open) {
      std::condition_variable_any stopped;
      stopped.wait(lock, stop, [] { return false; });
      return fail(ErrorKind::kCancelled, "stopped");
    }
    if (!stage_.refusals.empty()) {
      Error error = std::move(stage_.refusals.front());
      stage_.refusals.pop_front();
      return tl::unexpected(std::move(error));
    }
    stage_.ended.push_back(std::move(ended));
    CastGrant grant;
    grant.node = pipewire::NodeId{7};
    grant.size_to_ask_for = {640, 360};
    grant.most_to_ask_for = {stage_.hz, 1};
    grant.description = "the granted monitor";
    grant.cursor_beside = stage_.cursor_beside;
    return grant;
  }
  void end() override {
    stage_.change([&] { ++stage_.ends; });
  }
  [[nodiscard]] std::string describe() const override { return "a fake cast"; }

 private:
  Stage& stage_;
};

class FakeNode final : public CaptureSource {
 public:
  explicit FakeNode(Stage& stage) : stage_(stage) {}
  Result<void> start(const CaptureRequest& request, CaptureListener& listener) override {
    state_->listener = &listener;
    stage_.change([&] {
      stage_.nodes.push_back(state_);
      stage_.requests.push_back(request);
      ++stage_.running_nodes;
      ++received_;
    });
    listener.on_state(CaptureState::kStreaming, "");
    listener.on_frame({});
    return {};
  }
  void renegotiate(std::vector<FormatOffer> offers) override {
    stage_.change([&] { stage_.requests.push_back({.offers = std::move(offers)}); });
  }
  void stop() override {
    const std::scoped_lock lock(state_->mutex);
    state_->listener = nullptr;
    stage_.change([&] { --stage_.running_nodes; });
  }
  [[nodiscard]] CaptureStats stats() const override {
    return {.received = received_, .corrupted = 2};
  }
  [[nodiscard]] std::string describe() const override { return "node 7"; }

 private:
  Stage& stage_;
  std::shared_ptr<NodeState> state_ = std::make_shared<NodeState>();
  std::uint64_t received_ = 0;
};

class ScreenCastSourceTest : public testing::Test, protected CaptureListener {
 protected:
  void TearDown() override { source_.stop(); }

  void start() { ASSERT_TRUE(source_.start({.offers = {{.format = Fourcc::kBGRx}}}, *this)); }

  void on_frame(CapturedFrame frame) override {
    stage_.change([&] { stage_.frames.push_back(frame.times.id); });
  }
  void on_format(const CaptureFormat&) override {}
  void on_state(CaptureState state, const std::string& reason) override {
    stage_.change([&] { stage_.states.emplace_back(state, reason); });
  }
  void on_failure(Error error) override {
    stage_.change([&] { stage_.failure = std::move(error); });
  }
  std::vector<std::string> losses() {
    const std::scoped_lock lock(stage_.mutex);
    std::vector<std::string> reasons;
    for (const auto& [state, reason] : stage_.states) {
      if (state == CaptureState::kLost) reasons.push_back(reason);
    }
    return reasons;
  }

  ScreenCastSourceSettings settings(AbsentSource absent) {
    return {.absent = absent, .first_delay = 1ms, .longest_delay = 5ms, .capture = [this](auto) {
              return std::make_unique<FakeNode>(stage_);
            }};
  }

  Stage stage_;
  ScreenCastSource source_{std::make_unique<FakeCast>(stage_), settings(AbsentSource::kIsError)};
};

TEST_F(ScreenCastSourceTest, ThePointerIsAskedForWhereTheCastHasItBesideItsPictures) {
  for (const bool beside : {false, true}) {
    stage_.cursor_beside = beside;
    start();
    ASSERT_TRUE(stage_.becomes([&] { return stage_.running_nodes == 1; }));
    source_.stop();
  }
  EXPECT_EQ(stage_.requests[0].cursor, CursorWish::kIgnored) << "it would be drawn twice";
  EXPECT_EQ(stage_.requests[1].cursor, CursorWish::kBeside);
}

TEST_F(ScreenCastSourceTest, CapturesTheGrantedNodeInTheSizeThatTheCompositorLeavesOpen) {
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  EXPECT_EQ(stage_.requests[0].preferred_size, (Extent{640, 360}));
  EXPECT_EQ(stage_.requests[0].size_wish, SizeWish::kExactly);
  EXPECT_EQ(source_.describe(), "the granted monitor");
  source_.stop();
  EXPECT_EQ(stage_.running_nodes, 0U);
  EXPECT_EQ(stage_.ends, 1U);
}

TEST_F(ScreenCastSourceTest, TakesNoMorePicturesThanTheOutputShallHave) {
  stage_.hz = 10;
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  EXPECT_EQ(stage_.requests[0].max_rate, (FrameRate{10, 1}));
  stage_.change([&] { stage_.hz = 144; });
  stage_.compositor_ends(0, "a restart");
  ASSERT_TRUE(stage_.streams_again(2));
  EXPECT_EQ(stage_.requests[1].max_rate, (FrameRate{60, 1})) << "the stream's own cap is lower";
}

TEST_F(ScreenCastSourceTest, AsksAgainWhenTheCompositorEndsTheCast) {
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  stage_.compositor_ends(0, "KWin went away");
  ASSERT_TRUE(stage_.streams_again(2));
  ASSERT_TRUE(stage_.becomes([&] { return stage_.frames.size() == 2; }));
  EXPECT_EQ(stage_.frames, (std::vector<std::uint64_t>{1, 2})) << "no number comes twice";
  EXPECT_EQ(losses(), std::vector<std::string>{"KWin went away"});
  const CaptureStats stats = source_.stats();
  EXPECT_EQ(stats.received, 2U);
  EXPECT_EQ(stats.corrupted, 4U);
  EXPECT_EQ(stats.reconnects, 1U);
}

TEST_F(ScreenCastSourceTest, AsksAgainWhenTheNodeGoes) {
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  stage_.node(0)->lose("node 7 went away");
  ASSERT_TRUE(stage_.streams_again(2));
  EXPECT_EQ(losses(), std::vector<std::string>{"node 7 went away"});
}

TEST_F(ScreenCastSourceTest, TellsOneLossOfAnEndThatCompositorAndNodeBothTellOf) {
  start();
  for (std::size_t n = 1; n <= 20; ++n) {
    ASSERT_TRUE(stage_.streams_again(n));
    std::jthread compositor([&] { stage_.compositor_ends(n - 1, "end of the cast"); });
    stage_.node(n - 1)->lose("end of the cast");
  }
  ASSERT_TRUE(stage_.streams_again(21));
  source_.stop();
  EXPECT_EQ(losses().size(), 20U);
  EXPECT_EQ(stage_.opens, 21U) << "each end was answered once";
}

TEST_F(ScreenCastSourceTest, WaitsForACompositorAndTellsEachReasonOnce) {
  for (int i = 0; i < 3; ++i) stage_.refusals.push_back({ErrorKind::kNotFound, "no compositor"});
  stage_.refusals.push_back({ErrorKind::kDeviceLost, "no PipeWire"});
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  EXPECT_EQ(losses(), (std::vector<std::string>{"no compositor", "no PipeWire"}));
  ASSERT_TRUE(stage_.becomes([&] { return stage_.frames.size() == 1; }));
  EXPECT_EQ(source_.stats().reconnects, 0U) << "it never streamed before";
}

TEST_F(ScreenCastSourceTest, LogsWhatTheUserCanDoOnceForEachCause) {
  const auto lines = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100);
  log::area("capture").sinks().push_back(lines);
  for (int i = 0; i < 3; ++i) {
    stage_.refusals.push_back({ErrorKind::kNotFound, "no compositor", "start one"});
  }
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  source_.stop();
  log::area("capture").sinks().pop_back();
  EXPECT_EQ(losses(), std::vector<std::string>{"no compositor"});
  const auto logged = lines->last_formatted();
  EXPECT_EQ(std::ranges::count_if(logged,
                                  [](const std::string& line) {
                                    return line.find("no compositor: start one") !=
                                           std::string::npos;
                                  }),
            1);
}

TEST_F(ScreenCastSourceTest, GivesUpWhereNoTimeWillMendIt) {
  stage_.refusals.push_back({ErrorKind::kInvalidArgument, "no output DP-9"});
  start();
  ASSERT_TRUE(stage_.becomes([&] { return stage_.failure.has_value(); }));
  EXPECT_EQ(stage_.failure->message, "no output DP-9");
  source_.stop();
  EXPECT_EQ(stage_.opens, 1U);
}

TEST_F(ScreenCastSourceTest, WhoWaitsIsPatientUnlessWaitingMendsNothing) {
  for (const ErrorKind hopeless :
       {ErrorKind::kCancelled, ErrorKind::kUnsupported, ErrorKind::kInvalidArgument}) {
    stage_.change([&] {
      stage_.failure.reset();
      stage_.refusals = {{ErrorKind::kIo, "not while the screen is locked"}, {hopeless, "no"}};
    });
    ScreenCastSource source(std::make_unique<FakeCast>(stage_), settings(AbsentSource::kIsAwaited));
    ASSERT_TRUE(source.start({.offers = {{.format = Fourcc::kBGRx}}}, *this));
    ASSERT_TRUE(stage_.becomes([&] { return stage_.failure.has_value(); }));
    EXPECT_EQ(stage_.failure->kind, hopeless);
    EXPECT_EQ(losses().back(), "not while the screen is locked");
    source.stop();
  }
}

TEST_F(ScreenCastSourceTest, WhoDoesNotWaitIsToldAtOnce) {
  stage_.refusals.push_back({ErrorKind::kIo, "not while the screen is locked"});
  start();
  ASSERT_TRUE(stage_.becomes([&] { return stage_.failure.has_value(); }));
  source_.stop();
  EXPECT_EQ(stage_.opens, 1U);
}

TEST_F(ScreenCastSourceTest, WaitsForAnOutputThatWasThereBefore) {
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  stage_.change(
      [&] { stage_.refusals.push_back({ErrorKind::kInvalidArgument, "no output DP-1"}); });
  stage_.compositor_ends(0, "the output was removed");
  ASSERT_TRUE(stage_.streams_again(2));
  EXPECT_EQ(losses(), (std::vector<std::string>{"the output was removed", "no output DP-1"}));
}

TEST_F(ScreenCastSourceTest, TakesTheUsersNoForAnAnswerAtAnyTime) {
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  stage_.change([&] { stage_.refusals.push_back({ErrorKind::kCancelled, "declined"}); });
  stage_.compositor_ends(0, "revoked");
  ASSERT_TRUE(stage_.becomes([&] { return stage_.failure.has_value(); }));
  EXPECT_EQ(stage_.failure->message, "declined");
}

TEST_F(ScreenCastSourceTest, GivesUpWhereTheNodeRefusesEveryFormat) {
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  stage_.node(0)->tell([](CaptureListener& to) {
    to.on_failure({ErrorKind::kFormatRejected, "refuses every format"});
  });
  ASSERT_TRUE(stage_.becomes([&] { return stage_.failure.has_value(); }));
  EXPECT_EQ(stage_.failure->kind, ErrorKind::kFormatRejected);
  EXPECT_EQ(stage_.running_nodes, 0U) << "no call follows";
}

TEST_F(ScreenCastSourceTest, StopsWhileTheCastIsBeingAskedFor) {
  stage_.block_open = true;
  start();
  ASSERT_TRUE(stage_.becomes([&] { return stage_.opens == 1; }));
  source_.stop();
  EXPECT_FALSE(stage_.failure) << "a stop is no failure";
  EXPECT_TRUE(losses().empty());
}

TEST_F(ScreenCastSourceTest, StopsWhileItWaitsBetweenTwoAttempts) {
  for (int i = 0; i < 1000; ++i) stage_.refusals.push_back({ErrorKind::kNotFound, "nobody"});
  start();
  ASSERT_TRUE(stage_.becomes([&] { return stage_.opens > 3; }));
  source_.stop();
  const unsigned opens = stage_.opens;
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(stage_.opens, opens);
}

TEST_F(ScreenCastSourceTest, CarriesNewOffersToTheNextCastToo) {
  start();
  ASSERT_TRUE(stage_.streams_again(1));
  source_.renegotiate({{.format = Fourcc::kNV12}});
  ASSERT_EQ(stage_.requests.size(), 2U);
  EXPECT_EQ(stage_.requests[1].offers[0].format, Fourcc::kNV12) << "the node is told";
  stage_.compositor_ends(0, "a restart");
  ASSERT_TRUE(stage_.streams_again(2));
  EXPECT_EQ(stage_.requests[2].offers[0].format, Fourcc::kNV12);
}

}  // namespace
}  // namespace lumen::session
