// Pictures that are not drawn yet when a route gets them, with fences of a real kernel: acquire
// points of a DRM syncobj (explicit sync) and write fences of the dmabuf (implicit sync). Inside the
// virtual machine with virtio-gpu's syncobjs and vgem's fences, Mesa's software EGL and Vulkan, and
// the CUDA stand-in.
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/linux/drm_syncobj.h"
#include "sim/cuda/control.h"
#include "stand_in_gpu.h"
#include "support/cuda_readback.h"
#include "support/cuda_session.h"
#include "support/dmabuf_producer.h"
#include "support/pending_fence.h"
#include "zerocopy/egl/blit_reader.h"
#include "zerocopy/egl/egl_reader.h"
#include "zerocopy/vulkan/vulkan_reader.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;
using session::FirstRoute;
using test::DmaBufProducer;
using test::PendingFence;
using testing::ElementsAre;

constexpr Extent kSize{61, 47};
constexpr auto kDrawing = 150ms;  // how long the producer's GPU takes

/// Notes who asks a timeline for what.
class NotedTimeline final : public SyncTimeline {
 public:
  explicit NotedTimeline(std::shared_ptr<SyncTimeline> timeline) : timeline_(std::move(timeline)) {}

  Result<void> wait(std::uint64_t point, Timestamp deadline) override {
    calls.emplace_back("wait");
    return timeline_->wait(point, deadline);
  }
  Result<UniqueFd> export_sync_file(std::uint64_t point, Timestamp deadline) override {
    calls.emplace_back("export");
    return timeline_->export_sync_file(point, deadline);
  }
  Result<void> signal(std::uint64_t point) override { return timeline_->signal(point); }

  std::vector<std::string> calls;

 private:
  std::shared_ptr<SyncTimeline> timeline_;
};

/// A compositor's GPU: draws a while after it was told to, then signals.
class SlowGpu {
 public:
  SlowGpu(const DmaBufProducer& producer, std::uint32_t seed, PendingFence& fence)
      : thread_([&producer, seed, &fence, this] {
          std::this_thread::sleep_for(kDrawing);
          producer.draw(seed);
          done = now();
          EXPECT_TRUE(fence.signal());
        }) {}
  /// When the picture was there.
  Timestamp finish() {
    thread_.join();
    return done;
  }

 private:
  Timestamp done;
  std::thread thread_;
};

class Fences : public testing::TestWithParam<FirstRoute> {
 protected:
  void SetUp() override {
    const auto uuid = test::software_gpu_uuid();
    ASSERT_TRUE(uuid) << uuid.error().describe();
    ::setenv("LUMEN_SIM_CUDA_UUID", uuid->c_str(), 1);
    auto cuda = test::CudaSession::create(LUMEN_SIM_CUDA_LIBRARY);
    ASSERT_TRUE(cuda) << cuda.error().describe();
    cuda_.emplace(std::move(*cuda));
    auto reader = make_reader();
    ASSERT_TRUE(reader) << reader.error().describe();
    reader_ = std::move(*reader);
    auto producer = DmaBufProducer::create({Fourcc::kBGRx, kSize});
    ASSERT_TRUE(producer) << producer.error().describe();
    producer_.emplace(std::move(*producer));
    auto device = open_sync_device();
    ASSERT_TRUE(device) << device.error().describe();
    device_ = std::move(*device);
    auto made = device_->create_timeline();
    ASSERT_TRUE(made) << made.error().describe();
    made_.emplace(std::move(*made));
    auto imported = device_->import_timeline(made_->syncobj.borrow());
    ASSERT_TRUE(imported) << imported.error().describe();
    timeline_ = std::make_shared<NotedTimeline>(std::move(*imported));
  }

  void TearDown() override {
    reader_.reset();
    cuda_.reset();
    const std::unique_ptr<void, int (*)(void*)> library(
        ::dlopen(LUMEN_SIM_CUDA_LIBRARY, RTLD_NOW | RTLD_NOLOAD), ::dlclose);
    const sim::Control stand_in(library.get());
    ASSERT_TRUE(stand_in.ok());
    EXPECT_STREQ(stand_in.violations(), "");
  }

  Result<std::unique_ptr<cuda::PictureReader>> make_reader() const {
    egl::EglSettings settings;
    settings.device = egl::DeviceKind::kSoftware;
    settings.producer_limit = 5s;
    switch (GetParam()) {
      case FirstRoute::kEgl: return egl::EglReader::create(cuda_->context, settings);
      case FirstRoute::kGlBlit: return egl::BlitReader::create(cuda_->context, settings);
      case FirstRoute::kVulkan: break;
    }
    return vulkan::VulkanReader::create(cuda_->context, {.patience = 5s});
  }

  /// Empty where the picture is pattern `seed`.
  std::string read(const CapturedFrame& frame, std::uint32_t seed) const {
    const auto picture = reader_->open(frame);
    if (!picture) return picture.error().describe();
    const auto pixels = test::download(*cuda_->context, *picture);
    if (!pixels) return pixels.error().describe();
    if (const auto closed = reader_->close(); !closed) return closed.error().describe();
    return test::difference(*pixels, picture->format, frame.format, frame.size, seed);
  }

  [[nodiscard]] CapturedFrame frame() const {
    auto made = producer_->frame();
    EXPECT_TRUE(made) << made.error().describe();
    return std::move(*made);
  }
  [[nodiscard]] CapturedFrame frame_at(std::uint64_t point) const {
    CapturedFrame result = frame();
    result.acquire = {timeline_, point};
    return result;
  }

  std::optional<test::CudaSession> cuda_;
  std::unique_ptr<cuda::PictureReader> reader_;
  std::optional<DmaBufProducer> producer_;
  std::shared_ptr<SyncDevice> device_;
  std::optional<SyncDevice::NewTimeline> made_;
  std::shared_ptr<NotedTimeline> timeline_;
};

INSTANTIATE_TEST_SUITE_P(Vm, Fences,
                         testing::Values(FirstRoute::kEgl, FirstRoute::kVulkan,
                                         FirstRoute::kGlBlit),
                         [](const auto& route) { return session::short_name(route.param); });

// The first is the import's own, the others meet a buffer that is known.
TEST_P(Fences, AcquirePointsAreWaitedFor) {
  for (std::uint32_t point = 1; point <= 4; ++point) {
    SCOPED_TRACE(point);
    auto fence = PendingFence::create();
    ASSERT_TRUE(fence) << fence.error().describe();
    const auto submitted = test::submit_point(made_->syncobj.borrow(), point, *fence);
    ASSERT_TRUE(submitted) << submitted.error().describe();
    SlowGpu gpu(*producer_, point, *fence);
    const std::string wrong = read(frame_at(point), point);
    const Timestamp read_by = now();
    EXPECT_LT(gpu.finish(), read_by);
    EXPECT_EQ(wrong, "");
  }
  // The driver's wait, not ours, where the route can hand it on.
  const std::string asked = GetParam() == FirstRoute::kEgl ? "wait" : "export";
  EXPECT_THAT(timeline_->calls, ElementsAre(asked, asked, asked, asked));
}

}  // namespace
}  // namespace lumen
