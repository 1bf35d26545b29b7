#include "app/pipeline/awaited_source.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "capture/synthetic/synthetic_source.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

class Listener final : public CaptureListener {
 public:
  void on_frame(CapturedFrame) override { ++frames; }
  void on_format(const CaptureFormat&) override {}
  void on_state(CaptureState state, const std::string& reason) override {
    const std::scoped_lock lock(mutex_);
    if (state == CaptureState::kLost) losses_.push_back(reason);
  }
  void on_failure(Error) override { ++failures; }
  std::vector<std::string> losses() const {
    const std::scoped_lock lock(mutex_);
    return losses_;
  }

  std::atomic<int> frames{0};
  std::atomic<int> failures{0};

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> losses_;
};

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

Result<std::unique_ptr<CaptureSource>> pattern() {
  return std::make_unique<SyntheticSource>(
      SyntheticSettings{.size = {64, 64}, .rate = FrameRate{100, 1}});
}

const CaptureRequest kRequest{.offers = {{.format = Fourcc::kBGRx, .modifiers = {}}}};

TEST(AwaitedSource, IsTheOneThatComes) {
  std::atomic<int> looks{0};
  AwaitedSource source(
      [&looks]() -> Result<std::unique_ptr<CaptureSource>> {
        if (++looks < 4) return fail(ErrorKind::kNotFound, "nothing is there");
        return pattern();
      },
      5ms);
  Listener listener;
  ASSERT_TRUE(source.start(kRequest, listener));
  EXPECT_TRUE(eventually([&] { return listener.frames > 3; }));
  EXPECT_EQ(looks, 4);
  EXPECT_EQ(listener.losses(), std::vector<std::string>{"nothing is there"}) << "told once";
  EXPECT_GT(source.stats().received, 0U);
  source.stop();

  // Begun again it is still the same.
  const int before = listener.frames;
  ASSERT_TRUE(source.start(kRequest, listener));
  EXPECT_TRUE(eventually([&] { return listener.frames > before + 3; }));
  EXPECT_EQ(looks, 4);
}

/// Tells its state before start() returns, as PipeWire's streams do.
class ToldAtOnce final : public CaptureSource {
 public:
  Result<void> start(const CaptureRequest&, CaptureListener& listener) override {
    listener.on_state(CaptureState::kConnecting, "");
    return {};
  }
  void renegotiate(std::vector<FormatOffer>) override {}
  void stop() override {}
  [[nodiscard]] CaptureStats stats() const override { return {}; }
  [[nodiscard]] std::string describe() const override { return "what was found"; }
};

TEST(AwaitedSource, ItsListenerMayAskWhatItIs) {
  class Asks final : public CaptureListener {
   public:
    void on_frame(CapturedFrame) override {}
    void on_format(const CaptureFormat&) override {}
    void on_state(CaptureState, const std::string&) override {
      asked = source->describe() == "what was found" && source->stats().received == 0;
    }
    void on_failure(Error) override {}
    AwaitedSource* source = nullptr;
    std::atomic<bool> asked{false};
  };
  Asks listener;
  AwaitedSource source(
      [] { return Result<std::unique_ptr<CaptureSource>>(std::make_unique<ToldAtOnce>()); }, 1ms);
  listener.source = &source;
  ASSERT_TRUE(source.start(kRequest, listener));
  EXPECT_TRUE(eventually([&] { return listener.asked.load(); }));
  source.stop();
}

TEST(AwaitedSource, StopsWhileItWaits) {
  AwaitedSource source(
      []() -> Result<std::unique_ptr<CaptureSource>> {
        return fail(ErrorKind::kNotFound, "nothing is there");
      },
      1h);
  Listener listener;
  ASSERT_TRUE(source.start(kRequest, listener));
  EXPECT_TRUE(eventually([&] { return !listener.losses().empty(); }));
  source.stop();
  EXPECT_EQ(listener.failures, 0);
}

TEST(AwaitedSource, GivesUpWhereWaitingChangesNothing) {
  AwaitedSource source(
      []() -> Result<std::unique_ptr<CaptureSource>> {
        return fail(ErrorKind::kInvalidArgument, "no such thing");
      },
      1ms);
  Listener listener;
  ASSERT_TRUE(source.start(kRequest, listener));
  EXPECT_TRUE(eventually([&] { return listener.failures == 1; }));
  EXPECT_TRUE(listener.losses().empty());
}

}  // namespace
}  // namespace lumen
