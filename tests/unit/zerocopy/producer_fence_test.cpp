#include "zerocopy/producer_fence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/eventfd.h>

#include "capture/dmabuf_memory.h"
#include "fake_timeline.h"

namespace lumen {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

/// Readable once it is signalled, as a sync_file is.
UniqueFd make_fence(unsigned signals) { return UniqueFd::take(::eventfd(signals, EFD_CLOEXEC)); }

class ProducerFenceTest : public testing::Test {
 protected:
  CapturedFrame frame() {
    CapturedFrame result;
    result.image = DmaBufImage{};
    result.acquire = {timeline_, 7};
    return result;
  }

  static Result<UniqueFd> fence_of(const CapturedFrame& frame) {
    return producer_fence(frame, std::get<DmaBufImage>(frame.image), 1ms);
  }

  std::vector<std::string> calls_;
  std::shared_ptr<test::FakeTimeline> timeline_ = std::make_shared<test::FakeTimeline>(calls_);
};

TEST_F(ProducerFenceTest, AFrameWithoutOneIsThere) {
  CapturedFrame plain;
  EXPECT_TRUE(wait_until_acquired(plain, 1ms));
}

TEST_F(ProducerFenceTest, IsWaitedForAsLongAsAllowed) {
  timeline_->signalled = true;
  EXPECT_TRUE(wait_until_acquired(frame(), 250ms));
  EXPECT_THAT(calls_, ElementsAre("wait 7"));
  EXPECT_GT(timeline_->patience, 100ms);
  EXPECT_LE(timeline_->patience, 250ms);
}

TEST_F(ProducerFenceTest, APictureThatIsLateIsSkipped) {
  const auto waited = wait_until_acquired(frame(), 1ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, ErrorKind::kRetry);
  const auto fence = fence_of(frame());
  ASSERT_FALSE(fence);
  EXPECT_EQ(fence.error().kind, ErrorKind::kRetry) << "one bad point is no reason to leave the GPU";
}

TEST_F(ProducerFenceTest, TheGpuWaitsForWhatIsPendingOnly) {
  timeline_->fence = make_fence(0);
  const auto pending = fence_of(frame());
  ASSERT_TRUE(pending);
  EXPECT_TRUE(*pending);
  timeline_->fence = make_fence(1);
  const auto done = fence_of(frame());
  ASSERT_TRUE(done);
  EXPECT_FALSE(*done);
}

// The dmabuf itself, which this frame does not even have, is not asked.
TEST_F(ProducerFenceTest, StandsForImplicitFences) {
  timeline_->signalled = true;
  const CapturedFrame captured = frame();
  EXPECT_TRUE(wait_for_producer(captured, std::get<DmaBufImage>(captured.image), 250ms));
  EXPECT_THAT(calls_, ElementsAre("wait 7"));
}

}  // namespace
}  // namespace lumen
