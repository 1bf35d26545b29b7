// Pictures that are not drawn yet when a route gets them, with fences of a real kernel: acquire
// points of a DRM syncobj (explicit sync) and write fences of the dmabuf (implicit sync). Inside
// the virtual machine with virtio-gpu's syncobjs and vgem's fences, Mesa's software EGL and Vulkan,
// and the CUDA stand-in.
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include "core/log.h"
#include "platform/linux/drm_syncobj.h"
#include "sim/cuda/control.h"
#include "stand_in_gpu.h"
#include "support/cuda_readback.h"
#include "support/cuda_session.h"
#include "support/dmabuf_producer.h"
#include "support/drm_device.h"
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
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Extent kSize{61, 47};
constexpr auto kDrawing = 150ms;  // how long the producer's GPU takes
constexpr auto kLimit = 2s;       // of a route

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

/// As a GPU does it: DmaBufProducer::draw() is the CPU's way, which itself waits for the dmabuf's
/// fences (DMA_BUF_IOCTL_SYNC).
void draw_on_gpu(const DmaBufProducer& producer, std::uint32_t seed) {
  test::draw_pattern(producer.buffer.bytes(), producer.picture.format, producer.picture.size,
                     producer.picture.pitch, seed);
}

/// A compositor's GPU: draws a while after it was told to, then signals.
class SlowGpu {
 public:
  SlowGpu(const DmaBufProducer& producer, std::uint32_t seed, PendingFence& fence,
          std::chrono::milliseconds drawing = kDrawing)
      : thread_([&producer, seed, &fence, drawing, this] {
          std::this_thread::sleep_for(drawing);
          draw_on_gpu(producer, seed);
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
    log::area("zerocopy").sinks().push_back(sink_);
  }

  void TearDown() override {
    std::erase(log::area("zerocopy").sinks(), sink_);
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
    settings.producer_limit = kLimit;
    switch (GetParam()) {
      case FirstRoute::kEgl: return egl::EglReader::create(cuda_->context, settings);
      case FirstRoute::kGlBlit: return egl::BlitReader::create(cuda_->context, settings);
      case FirstRoute::kVulkan: break;
    }
    return vulkan::VulkanReader::create(cuda_->context, {.patience = kLimit});
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
  std::ostringstream said_;
  spdlog::sink_ptr sink_ = std::make_shared<spdlog::sinks::ostream_sink_mt>(said_);
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
  // The driver's wait and not ours, where the route can hand it on.
  const FirstRoute route = GetParam();
  const std::string asked = route == FirstRoute::kEgl ? "wait" : "export";
  EXPECT_THAT(timeline_->calls, ElementsAre(asked, asked, asked, asked));
  const std::string who = route == FirstRoute::kEgl      ? "the CPU"
                          : route == FirstRoute::kVulkan ? "Vulkan"
                                                         : "GL";
  EXPECT_THAT(said_.str(), HasSubstr("explicit sync: " + who + " waits"));
}

TEST_P(Fences, WriteFencesOfTheDmabufAreWaitedFor) {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    auto fence = PendingFence::create();
    ASSERT_TRUE(fence) << fence.error().describe();
    const auto added = test::add_write_fence(producer_->buffer.fd(), *fence);
    ASSERT_TRUE(added) << added.error().describe();
    SlowGpu gpu(*producer_, seed, *fence);
    const std::string wrong = read(frame(), seed);
    const Timestamp read_by = now();
    EXPECT_LT(gpu.finish(), read_by);
    EXPECT_EQ(wrong, "");
  }
  EXPECT_THAT(timeline_->calls, IsEmpty());
}

// The acquire point stands for all of the producer's work.
TEST_P(Fences, APictureWithAnAcquirePointIsReadWhateverHangsOnItsDmabuf) {
  auto never = PendingFence::create();
  auto fence = PendingFence::create();
  ASSERT_TRUE(never && fence);
  const auto added = test::add_write_fence(producer_->buffer.fd(), *never);
  ASSERT_TRUE(added) << added.error().describe();
  ASSERT_TRUE(test::submit_point(made_->syncobj.borrow(), 1, *fence));
  draw_on_gpu(*producer_, 1);
  ASSERT_TRUE(fence->signal());
  const Timestamp begin = now();
  EXPECT_EQ(read(frame_at(1), 1), "");
  EXPECT_LT(now() - begin, 5s) << "vgem's fence would have held it up for 10 s";
}

TEST_P(Fences, APointThatIsNeverSubmittedIsAFrameToSkip) {
  const auto opened = reader_->open(frame_at(1));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kRetry) << opened.error().describe();
  producer_->draw(7);
  EXPECT_EQ(read(frame(), 7), "") << "the next one is read";
}

class VulkanFences : public Fences {};
INSTANTIATE_TEST_SUITE_P(Vm, VulkanFences, testing::Values(FirstRoute::kVulkan),
                         [](const auto& route) { return session::short_name(route.param); });

TEST_P(VulkanFences, ASlowProducerIsNoLostGpu) {
  constexpr auto kPatience = 500ms;
  auto reader = vulkan::VulkanReader::create(cuda_->context, {.patience = kPatience});
  ASSERT_TRUE(reader) << reader.error().describe();
  reader_ = std::move(*reader);
  auto fence = PendingFence::create();
  ASSERT_TRUE(fence) << fence.error().describe();
  ASSERT_TRUE(test::submit_point(made_->syncobj.borrow(), 1, *fence));
  SlowGpu gpu(*producer_, 1, *fence, 3 * kPatience);
  EXPECT_EQ(read(frame_at(1), 1), "");
  gpu.finish();
  producer_->draw(2);
  EXPECT_EQ(read(frame(), 2), "");
}

}  // namespace
}  // namespace lumen
