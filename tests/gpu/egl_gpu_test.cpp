// Both EGL routes on a real NVIDIA driver, with EGLImages of GL textures in place of dmabufs.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gpu/egl_fixture.h"

namespace lumen::test {
namespace {

constexpr std::array kFormats{Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA};

class EglOnGpu : public testing::TestWithParam<EglRoute> {
 protected:
  void SetUp() override {
    auto gpu = EglGpu::create();
    if (!gpu) GTEST_SKIP() << gpu.error().describe();
    gpu_ = std::move(*gpu);
    auto reader = gpu_->create_reader(GetParam());
    ASSERT_TRUE(reader) << reader.error().describe();
    reader_ = std::move(*reader);
  }
  void TearDown() override { reader_.reset(); }

  CapturedFrame add(Extent size, Fourcc format) {
    auto frame = gpu_->producer().add(size, format);
    EXPECT_TRUE(frame) << frame.error().describe();
    return std::move(*frame);
  }

  void upload_pattern(const CapturedFrame& frame, std::uint32_t seed) {
    const Fourcc order = EglGpu::order_in_texture(GetParam(), frame.format);
    std::vector<std::uint32_t> pixels(std::size_t{frame.size.width} * frame.size.height);
    draw_pattern(std::as_writable_bytes(std::span(pixels)), order, frame.size,
                 {frame.size.width * 4}, seed);
    gpu_->producer().upload(frame, pixels);
  }

  Result<std::vector<std::uint32_t>> read(const CapturedFrame& frame, Fourcc* format = nullptr) {
    auto picture = reader_->open(frame);
    if (!picture) return tl::unexpected(std::move(picture.error()));
    if (format != nullptr) *format = picture->format;
    auto pixels = download(gpu_->context(), *picture);
    if (auto closed = reader_->close(); !closed) return tl::unexpected(std::move(closed.error()));
    return pixels;
  }

  /// Empty where the frame reads as pattern `seed`.
  std::string read_pattern(const CapturedFrame& frame, std::uint32_t seed) {
    Fourcc format = Fourcc::kNone;
    const auto pixels = read(frame, &format);
    if (!pixels) return pixels.error().describe();
    return difference(*pixels, format, frame.format, frame.size, seed);
  }

  /// Empty where every pixel of the frame is `color` (0xAABBGGRR in the texture).
  std::string read_color(const CapturedFrame& frame, std::uint32_t color) {
    const auto pixels = read(frame);
    if (!pixels) return pixels.error().describe();
    // The blit stores blue first and, here, a picture without alpha.
    const std::uint32_t want =
        GetParam() == EglRoute::kEgl
            ? color
            : 0xff00'0000U | (color & 0xffU) << 16 | (color & 0xff00U) | (color >> 16 & 0xffU);
    for (std::size_t i = 0; i < pixels->size(); ++i) {
      if ((*pixels)[i] != want) {
        return fmt::format("pixel {}: want {:08x}, got {:08x}", i, want, (*pixels)[i]);
      }
    }
    return {};
  }

  std::unique_ptr<EglGpu> gpu_;
  std::unique_ptr<cuda::PictureReader> reader_;
};

INSTANTIATE_TEST_SUITE_P(Gpu, EglOnGpu,
                         testing::Values(EglRoute::kEgl, EglRoute::kBlit, EglRoute::kBlitExternal),
                         [](const auto& param) { return to_string(param.param); });

TEST_P(EglOnGpu, EverySizeIsReadExactly) {
  const std::array<Extent, 11> sizes{{{64, 64},
                                      {1, 1},
                                      {61, 47},
                                      {127, 3},
                                      {641, 359},
                                      {1366, 768},
                                      {1920, 1080},
                                      {1921, 1081},
                                      {3840, 2160},
                                      {5119, 1439},
                                      {7680, 4320}}};
  std::uint32_t seed = 0;
  for (const Extent size : sizes) {
    SCOPED_TRACE(fmt::format("{}x{}", size.width, size.height));
    const CapturedFrame frame = add(size, Fourcc::kBGRx);
    upload_pattern(frame, ++seed);
    EXPECT_EQ(read_pattern(frame, seed), "");
    upload_pattern(frame, ++seed);
    EXPECT_EQ(read_pattern(frame, seed), "") << "after rewriting";
    gpu_->producer().remove(frame);
  }
}

TEST_P(EglOnGpu, EveryFormatIsReadExactly) {
  std::uint32_t seed = 0;
  for (const Fourcc format : kFormats) {
    SCOPED_TRACE(to_string(format));
    const CapturedFrame frame = add({319, 241}, format);
    upload_pattern(frame, ++seed);
    EXPECT_EQ(read_pattern(frame, seed), "");
  }
}

// A copy right after the registration was once seen to read the picture before.
TEST_P(EglOnGpu, TheFirstReadOfABufferIsNotStale) {
  for (std::uint32_t i = 0; i < 50; ++i) {
    const CapturedFrame frame = add({1920, 1080}, Fourcc::kBGRx);
    gpu_->producer().draw(frame, 0xff00'0000U | i * 0x0003'0507U);
    ASSERT_EQ(read_color(frame, 0xff00'0000U | i * 0x0003'0507U), "") << "buffer " << i;
    gpu_->producer().remove(frame);
  }
}

TEST_P(EglOnGpu, AProducerThatDrawsBetweenReadsIsNeverSeenLate) {
  std::vector<CapturedFrame> ring;
  for (int i = 0; i < 4; ++i) ring.push_back(add({640, 360}, Fourcc::kBGRx));
  for (std::uint32_t i = 0; i < 400; ++i) {
    const CapturedFrame frame = GlProducer::again(ring[i % ring.size()]);
    const std::uint32_t color = 0xff00'0000U | (i * 0x0001'0305U & 0xff'ffffU);
    gpu_->producer().draw(frame, color);
    ASSERT_EQ(read_color(frame, color), "") << "frame " << i;
  }
}

TEST_P(EglOnGpu, TenThousandFramesTakeNoMoreMemory) {
  std::vector<CapturedFrame> ring;
  for (int i = 0; i < 4; ++i) ring.push_back(add({256, 256}, Fourcc::kBGRx));
  for (const CapturedFrame& frame : ring) gpu_->producer().draw(frame, 0xff12'3456U);
  auto target = DeviceBuffer::create(gpu_->context(), {256, 256});
  ASSERT_TRUE(target) << target.error().describe();
  const cuda::Driver& driver = gpu_->context().driver();
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t total = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const CapturedFrame frame = GlProducer::again(ring[i % ring.size()]);
    auto picture = reader_->open(frame);
    ASSERT_TRUE(picture) << i << ": " << picture.error().describe();
    ASSERT_TRUE(copy_to(gpu_->context(), *picture, *target));
    ASSERT_TRUE(reader_->close());
    ASSERT_TRUE(gpu_->context().synchronize());
    if (i == 500) {
      ASSERT_EQ(driver.cuMemGetInfo(&before, &total), CUDA_SUCCESS);
    }
  }
  ASSERT_EQ(driver.cuMemGetInfo(&after, &total), CUDA_SUCCESS);
  EXPECT_GE(after + (2U << 20), before);  // the driver allocates in steps of 2 MiB
  EXPECT_EQ(read_color(ring[0], 0xff12'3456U), "");
}

TEST_P(EglOnGpu, BuffersThatComeAndGoTakeNoMoreMemory) {
  const cuda::Driver& driver = gpu_->context().driver();
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t total = 0;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const CapturedFrame frame = add({1024, 1024}, Fourcc::kBGRx);  // 4 MiB each
    gpu_->producer().draw(frame, 0xff00'0000U | i);
    ASSERT_EQ(read_color(frame, 0xff00'0000U | i), "") << i;
    gpu_->producer().remove(frame);
    if (i == 20) {
      ASSERT_EQ(driver.cuMemGetInfo(&before, &total), CUDA_SUCCESS);
    }
  }
  ASSERT_EQ(driver.cuMemGetInfo(&after, &total), CUDA_SUCCESS);
  EXPECT_GE(after + (64U << 20), before);  // a leak would be 1.1 GiB
}

}  // namespace
}  // namespace lumen::test
