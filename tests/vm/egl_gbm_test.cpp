// EGL over a display that GBM opened: the way where EGL's device platform has none. Inside the
// virtual machine with virtio-gpu, on Mesa's software renderer and the CUDA stand-in. Mesa maps
// dmabufs through the device there, so they are the device's own.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/cuda_readback.h"
#include "support/cuda_session.h"
#include "support/dmabuf_producer.h"
#include "support/drm_device.h"
#include "zerocopy/egl/blit_reader.h"
#include "zerocopy/egl/display.h"
#include "zerocopy/egl/egl_reader.h"
#include "zerocopy/egl/gl_context.h"

namespace lumen::egl {
namespace {

using test::DmaBufProducer;

constexpr std::array kFormats{Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA};

std::string gpu_node() {
  const auto node = test::find_drm_node("virtio_gpu");
  EXPECT_TRUE(node) << node.error().describe();
  return node.value_or("");
}

enum class Route { kEgl, kBlit };

class EglOnGbm : public testing::TestWithParam<Route> {
 protected:
  void SetUp() override {
    node_ = gpu_node();
    auto cuda = test::CudaSession::create(LUMEN_SIM_CUDA_LIBRARY);
    ASSERT_TRUE(cuda) << cuda.error().describe();
    cuda_.emplace(std::move(*cuda));
  }

  Result<std::unique_ptr<cuda::PictureReader>> create(Route route, const std::string& node) const {
    EglSettings settings;
    settings.gbm_node = node;
    return route == Route::kEgl ? EglReader::create(cuda_->context, settings)
                                : BlitReader::create(cuda_->context, settings);
  }

  /// Its memory belongs to the device.
  [[nodiscard]] Result<DmaBufProducer> make_producer(Fourcc format, Extent size) const {
    const test::TestPicture picture{format, size, {size.width * 4}};
    const std::size_t bytes = test::bytes_needed(picture);
    auto fd = test::make_device_dmabuf(node_, bytes);
    if (!fd) return tl::unexpected(std::move(fd.error()));
    auto buffer = test::TestDmaBuf::adopt(std::move(*fd), bytes);
    if (!buffer) return tl::unexpected(std::move(buffer.error()));
    return DmaBufProducer::create_in(std::move(*buffer), picture);
  }

  /// Empty where the producer's picture reads as pattern `seed`.
  std::string read(cuda::PictureReader& reader, const DmaBufProducer& producer,
                   std::uint32_t seed) const {
    const auto frame = producer.frame();
    if (!frame) return frame.error().describe();
    const auto picture = reader.open(*frame);
    if (!picture) return picture.error().describe();
    const auto pixels = test::download(*cuda_->context, *picture);
    if (!pixels) return pixels.error().describe();
    if (const auto closed = reader.close(); !closed) return closed.error().describe();
    return test::difference(*pixels, picture->format, frame->format, frame->size, seed);
  }

  std::optional<test::CudaSession> cuda_;
  std::string node_;
};

INSTANTIATE_TEST_SUITE_P(Vm, EglOnGbm, testing::Values(Route::kEgl, Route::kBlit),
                         [](const auto& param) {
                           return param.param == Route::kEgl ? "egl" : "gl_blit";
                         });

TEST_P(EglOnGbm, EveryPictureIsReadExactly) {
  const auto reader = create(GetParam(), node_);
  ASSERT_TRUE(reader) << reader.error().describe();
  std::uint32_t seed = 0;
  for (const Fourcc format : kFormats) {
    for (const Extent size : {Extent{64, 64}, Extent{61, 47}, Extent{640, 360}}) {
      SCOPED_TRACE(fmt::format("{} {}x{}", to_string(format), size.width, size.height));
      const auto producer = make_producer(format, size);
      ASSERT_TRUE(producer) << producer.error().describe();
      for (int i = 0; i < 2; ++i) {
        producer->draw(++seed);
        EXPECT_EQ(read(**reader, *producer, seed), "");
      }
    }
  }
}

TEST_P(EglOnGbm, ReadersLiveSideBySideAndDieInAnyOrder) {
  const auto producer = make_producer(Fourcc::kBGRx, {64, 64});
  ASSERT_TRUE(producer) << producer.error().describe();
  auto first = create(GetParam(), node_);
  auto second = create(GetParam() == Route::kEgl ? Route::kBlit : Route::kEgl, node_);
  ASSERT_TRUE(first && second);
  producer->draw(1);
  EXPECT_EQ(read(**first, *producer, 1), "");
  EXPECT_EQ(read(**second, *producer, 1), "");
  first->reset();
  producer->draw(2);
  EXPECT_EQ(read(**second, *producer, 2), "");
  second->reset();
  first = create(GetParam(), node_);
  ASSERT_TRUE(first) << first.error().describe();
  EXPECT_EQ(read(**first, *producer, 2), "");
}

TEST_P(EglOnGbm, ANodeThatIsNotThereIsNamed) {
  const auto reader = create(GetParam(), "/dev/dri/card63");
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(reader.error().describe(), testing::HasSubstr("/dev/dri/card63"));
}

/// The driver without EGL's device platform.
Result<std::shared_ptr<const Driver>> gbm_only() {
  auto real = load_driver();
  if (!real) return real;
  auto driver = std::make_shared<Driver>(**real);
  constexpr std::string_view kPlatform = "EGL_EXT_platform_device";
  const std::size_t at = driver->client_extensions.find(kPlatform);
  if (at != std::string::npos) driver->client_extensions.erase(at, kPlatform.size());
  return driver;
}

TEST(EglDisplay, IsGbmsOnTheMatchingRenderNodeWhereTheDevicePlatformHasNone) {
  const auto driver = gbm_only();
  ASSERT_TRUE(driver) << driver.error().describe();
  cuda::DeviceInfo gpu;
  gpu.pci_bus_id = pci_bus_id_of_node(gpu_node());
  for (int i = 0; i < 3; ++i) {
    const auto display = Display::create(*driver, gpu, DeviceKind::kMatchingGpu);
    ASSERT_TRUE(display) << display.error().describe();
    EXPECT_THAT((*display)->drm_node(), testing::StartsWith("/dev/dri/renderD"));
    EXPECT_EQ(pci_bus_id_of_node((*display)->drm_node()), gpu.pci_bus_id);
    EXPECT_TRUE((*display)->imports_dmabufs());
    EXPECT_TRUE(GlContext::create(*display));
  }
}

TEST(EglDisplay, SaysWhatWasTriedWhereTheGpuHasNoRenderNode) {
  const auto driver = gbm_only();
  ASSERT_TRUE(driver) << driver.error().describe();
  cuda::DeviceInfo gpu;
  gpu.pci_bus_id = "0000:ff:1f.7";
  const auto display = Display::create(*driver, gpu, DeviceKind::kMatchingGpu);
  ASSERT_FALSE(display);
  EXPECT_EQ(display.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(display.error().describe(), testing::HasSubstr("no render node for GBM"));
}

}  // namespace
}  // namespace lumen::egl
