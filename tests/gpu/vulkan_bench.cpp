// What a frame costs on the Vulkan route: prints "bench NAME 1920x1080 MEDIAN_US", medians over 400
// frames after 50. A frame is open(), one device-to-device copy, close() and the wait for it. The
// producer's memory is that of a second VkDevice, which stands in for dmabufs.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/cuda_readback.h"
#include "support/cuda_session.h"
#include "support/vulkan_producer.h"
#include "zerocopy/vulkan/formats.h"
#include "zerocopy/vulkan/vulkan_reader.h"

namespace lumen::vulkan {
namespace {

constexpr int kWarmUp = 50;
constexpr int kFrames = 400;
constexpr std::array<Extent, 2> kSizes{{{1920, 1080}, {3840, 2160}}};

struct Layout {
  std::string name;
  Modifier modifier;
};

class VulkanBench : public testing::Test {
 protected:
  void SetUp() override {
    auto cuda = test::CudaSession::create();
    if (!cuda) GTEST_SKIP() << cuda.error().describe();
    cuda_.emplace(std::move(*cuda));
    auto producer = test::VulkanProducer::create(cuda_->context->device().uuid);
    if (!producer) GTEST_SKIP() << producer.error().describe();
    producer_.emplace(std::move(*producer));
  }

  /// LINEAR, the first tiled layout and the first compressed one.
  static std::vector<Layout> layouts_of(const cuda::PictureReader& reader) {
    std::vector<Layout> layouts{{"linear", kModifierLinear}};
    bool tiled = false;
    const auto offers = reader.offers();
    for (const Modifier modifier : offers.front().modifiers) {
      if (modifier == kModifierLinear) continue;
      if (is_compressed(modifier)) {
        layouts.push_back({"compressed", modifier});
        break;
      }
      if (!tiled) layouts.push_back({"tiled", modifier});
      tiled = true;
    }
    return layouts;
  }

  std::unique_ptr<test::VulkanPicture> draw(const Layout& layout, Extent size) const {
    auto picture = layout.modifier == kModifierLinear
                       ? producer_->make_linear(Fourcc::kBGRx, size)
                       : producer_->make_tiled(Fourcc::kBGRx, layout.modifier, size);
    EXPECT_TRUE(picture) << picture.error().describe();
    if (!picture) return nullptr;
    EXPECT_TRUE((*picture)->draw(1));
    return std::move(*picture);
  }

  void measure(const std::string& name, const VulkanReaderSettings& settings) const {
    auto reader = VulkanReader::create(cuda_->context, settings);
    if (!reader) GTEST_SKIP() << reader.error().describe();
    for (const Layout& layout : layouts_of(**reader)) {
      for (const Extent size : kSizes) measure_frames(name, **reader, layout, size);
    }
  }

  void measure_frames(const std::string& name, cuda::PictureReader& reader, const Layout& layout,
                      Extent size) const {
    const cuda::Context& context = *cuda_->context;
    const auto target = test::DeviceBuffer::create(context, size);
    ASSERT_TRUE(target) << target.error().describe();
    std::vector<std::unique_ptr<test::VulkanPicture>> ring;
    for (int i = 0; i < 3; ++i) {
      ring.push_back(draw(layout, size));
      ASSERT_NE(ring.back(), nullptr);
    }
    std::vector<double> microseconds;
    for (int i = 0; i < kWarmUp + kFrames; ++i) {
      const CapturedFrame frame = ring[static_cast<std::size_t>(i) % ring.size()]->frame();
      const auto begin = std::chrono::steady_clock::now();
      const auto picture = reader.open(frame);
      ASSERT_TRUE(picture) << picture.error().describe();
      ASSERT_TRUE(test::copy_to(context, *picture, *target));
      ASSERT_TRUE(reader.close());
      ASSERT_TRUE(context.synchronize());
      const std::chrono::duration<double, std::micro> spent =
          std::chrono::steady_clock::now() - begin;
      if (i >= kWarmUp) microseconds.push_back(spent.count());
    }
    const auto middle = microseconds.begin() + kFrames / 2;
    std::ranges::nth_element(microseconds, middle);
    std::printf("bench vulkan-%s-%s %ux%u %.1f\n", name.c_str(), layout.name.c_str(), size.width,
                size.height, *middle);
    std::fflush(stdout);
  }

  static VulkanReaderSettings copying(QueueKind queue, Ordering ordering) {
    return {.source = SourceMemory::kOpaqueFd,
            .queue = queue,
            .in_place = InPlace::kNever,
            .ordering = ordering};
  }

  std::optional<test::CudaSession> cuda_;
  std::optional<test::VulkanProducer> producer_;
};

TEST_F(VulkanBench, TransferTimeline) {
  measure("transfer-timeline", copying(QueueKind::kTransfer, Ordering::kTimeline));
}
TEST_F(VulkanBench, TransferFence) {
  measure("transfer-fence", copying(QueueKind::kTransfer, Ordering::kFence));
}
TEST_F(VulkanBench, ComputeTimeline) {
  measure("compute-timeline", copying(QueueKind::kCompute, Ordering::kTimeline));
}
TEST_F(VulkanBench, GraphicsTimeline) {
  measure("graphics-timeline", copying(QueueKind::kGraphics, Ordering::kTimeline));
}
TEST_F(VulkanBench, GraphicsFence) {
  measure("graphics-fence", copying(QueueKind::kGraphics, Ordering::kFence));
}

}  // namespace
}  // namespace lumen::vulkan
