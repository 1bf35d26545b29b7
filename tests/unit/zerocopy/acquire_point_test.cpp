#include "zerocopy/acquire_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/eventfd.h>

#include "capture/dmabuf_memory.h"
#include "fake_timeline.h"
#include "zerocopy/egl/producer_fence.h"

namespace lumen {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

/// Readable once it is signalled, as a sync_file is.
UniqueFd make_fence(unsigned signals) { return UniqueFd::take(::eventfd(signals, EFD_CLOEXEC)); }

class AcquirePointTest : public testing::Test {
 protected:
  CapturedFrame frame() {
    CapturedFrame result;
    result.image = DmaBufImage{};
    result.acquire = {timeline_, 7};
    return result;
  }

  std::vector<std::string> calls_;
  std::shared_ptr<test::FakeTimeline> timeline_ = std::make_shared<test::FakeTimeline>(calls_);
};

TEST_F(AcquirePointTest, AFrameWithoutOneIsThere) {
  CapturedFrame plain;
  EXPECT_TRUE(wait_until_acquired(plain, 1ms));
  const auto fence = acquire_fence(plain, 1ms);
  ASSERT_TRUE(fence);
  EXPECT_FALSE(*fence);
}

TEST_F(AcquirePointTest, IsWaitedForAsLongAsAllowed) {
  timeline_->signalled = true;
  EXPECT_TRUE(wait_until_acquired(frame(), 250ms));
  EXPECT_THAT(calls_, ElementsAre("wait 7"));
  EXPECT_GT(timeline_->patience, 100ms);
  EXPECT_LE(timeline_->patience, 250ms);
}

TEST_F(AcquirePointTest, APictureThatIsLateIsSkipped) {
  const auto waited = wait_until_acquired(frame(), 1ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, ErrorKind::kRetry);
  const auto fence = acquire_fence(frame(), 1ms);
  ASSERT_FALSE(fence);
  EXPECT_EQ(fence.error().kind, ErrorKind::kRetry) << "one bad point is no reason to leave the GPU";
}

TEST_F(AcquirePointTest, TheGpuWaitsForWhatIsPendingOnly) {
  timeline_->fence = make_fence(0);
  const auto pending = acquire_fence(frame(), 1ms);
  ASSERT_TRUE(pending);
  EXPECT_TRUE(*pending);
  timeline_->fence = make_fence(1);
  const auto done = acquire_fence(frame(), 1ms);
  ASSERT_TRUE(done);
  EXPECT_FALSE(*done);
}

// EGL and CUDA in place: the point stands for all fences, so the dmabuf itself is not asked.
TEST_F(AcquirePointTest, StandsForImplicitFences) {
  timeline_->signalled = true;
  const CapturedFrame captured = frame();
  EXPECT_TRUE(egl::wait_for_producer(captured, std::get<DmaBufImage>(captured.image), 250ms));
  EXPECT_THAT(calls_, ElementsAre("wait 7"));
}

}  // namespace
}  // namespace lumen
