// The pointer drawn by a real GPU, in our PTX, against the CPU route's: no byte differs.
#include <chrono>
#include <cstdio>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "support/cursor_pictures.h"
#include "zerocopy/cpu/cursor_painter.h"
#include "zerocopy/cuda/cursor_painter.h"
#include "zerocopy/cuda/download.h"
#include "zerocopy/cuda/uploader.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::cursor_at;
using test::noise;

constexpr Extent kSize{1920, 1080};

class CursorGpuTest : public testing::Test {
 protected:
  void SetUp() override {
    auto driver = cuda::load_driver();
    if (!driver) GTEST_SKIP() << driver.error().describe();
    auto devices = cuda::list_devices(**driver);
    if (!devices) GTEST_SKIP() << devices.error().describe();
    context_ = *cuda::Context::create(*driver, devices->front());
    current_.emplace(std::move(*context_->make_current()));
    auto painter = cuda::CursorPainter::create(context_);
    ASSERT_TRUE(painter) << painter.error().describe();
    painter_ = std::move(*painter);
  }
  Bytes packed_of(const CudaBuffer& buffer) {
    Bytes bytes(std::size_t{kSize.width} * kSize.height * 4);
    CUDA_MEMCPY2D region{};
    region.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    region.srcDevice = buffer.planes[0];
    region.srcPitch = buffer.pitches[0].bytes;
    region.dstMemoryType = CU_MEMORYTYPE_HOST;
    region.dstHost = bytes.data();
    region.dstPitch = region.WidthInBytes = std::size_t{kSize.width} * 4;
    region.Height = kSize.height;
    const cuda::Driver& cuda = context_->driver();
    EXPECT_TRUE(cuda.check(cuda.cuMemcpy2DAsync(&region, context_->stream()), "download"));
    EXPECT_TRUE(context_->synchronize());
    return bytes;
  }

  std::shared_ptr<cuda::Context> context_;
  std::optional<cuda::Context::Current> current_;
  std::unique_ptr<cuda::CursorPainter> painter_;
};

TEST_F(CursorGpuTest, DrawsLikeTheCpuRouteInEveryFormat) {
  for (const Fourcc format :
       {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    const CpuImage image = noise(format, kSize);
    cuda::Uploader uploader(context_);
    const auto clean = uploader.upload(image, kSize);
    ASSERT_TRUE(clean) << clean.error().describe();
    cpu::CursorPainter reference;
    for (const Extent size : {Extent{24, 24}, Extent{256, 256}, Extent{384, 384}}) {
      for (const auto& [x, y] : {std::pair{101, 57}, {-7, -9}, {1900, 1070}}) {
        const auto overlay =
            make_overlay(cursor_at(x, y, size), {{0, 0, kSize}, kSize, format, {}});
        painter_->overlay_changed();
        const auto painted = painter_->paint(*clean, kSize, overlay);
        ASSERT_TRUE(painted) << painted.error().describe();
        const auto image_of_gpu = cuda::download(*painted, kSize);
        ASSERT_TRUE(image_of_gpu);
        const auto expected = reference.paint(image, kSize, Damage(), overlay);
        EXPECT_EQ(test::bytes_of(*image_of_gpu, kSize), test::bytes_of(*expected, kSize))
            << to_string(format) << ' ' << size.width << " at " << x << ',' << y;
      }
    }
  }
}

// As NVENC reads them: a packed picture, in a buffer and where its producer drew it.
TEST_F(CursorGpuTest, DrawsOnPackedPictures) {
  Bytes pixels(std::size_t{kSize.width} * kSize.height * 4);
  std::mt19937 random(1);
  for (auto& byte : pixels) byte = static_cast<std::uint8_t>(random());
  const auto overlay =
      make_overlay(cursor_at(333, 222, {32, 32}), {{0, 0, kSize}, kSize, Fourcc::kBGRx, {}});
  Bytes expected = pixels;
  for (const OverlayChannel& channel : overlay.channels) {
    for (std::size_t i = 0; i < channel.samples.size(); ++i) {
      const std::size_t x = channel.rect.x + i % channel.rect.size.width;
      const std::size_t y = channel.rect.y + i / channel.rect.size.width;
      std::uint8_t& byte = expected[(y * kSize.width + x) * 4 + channel.offset_bytes];
      byte = static_cast<std::uint8_t>(cuda::blend(byte, channel.samples[i]));
    }
  }
  const cuda::Driver& cuda = context_->driver();
  CUDA_ARRAY3D_DESCRIPTOR description{};
  description.Width = kSize.width;
  description.Height = kSize.height;
  description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
  description.NumChannels = 4;
  CUarray array = nullptr;
  ASSERT_EQ(cuda.cuArray3DCreate(&array, &description), CUDA_SUCCESS);
  CUDA_MEMCPY2D region{};
  region.srcMemoryType = CU_MEMORYTYPE_HOST;
  region.srcHost = pixels.data();
  region.srcPitch = region.WidthInBytes = std::size_t{kSize.width} * 4;
  region.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  region.dstArray = array;
  region.Height = kSize.height;
  ASSERT_EQ(cuda.cuMemcpy2DAsync(&region, context_->stream()), CUDA_SUCCESS);

  CudaArray in_place;
  in_place.context = context_;
  in_place.format = Fourcc::kBGRx;
  in_place.array = array;
  const auto from_array = painter_->paint(in_place, kSize, overlay);
  ASSERT_TRUE(from_array) << from_array.error().describe();
  EXPECT_EQ(packed_of(*from_array), expected);
  CudaBuffer plain = *from_array;
  const auto again = painter_->paint(plain, kSize, overlay);  // on top of the first
  ASSERT_TRUE(again);
  EXPECT_NE(packed_of(*again), expected);
  EXPECT_EQ(packed_of(*from_array), expected) << "what is drawn on is a copy";
  EXPECT_EQ(cuda.cuArrayDestroy(array), CUDA_SUCCESS);
}

TEST_F(CursorGpuTest, CostOfAPointer) {
  const CpuImage image = noise(Fourcc::kNV12, kSize);
  cuda::Uploader uploader(context_);
  const auto clean = uploader.upload(image, kSize);
  ASSERT_TRUE(clean);
  constexpr int kRounds = 500;
  for (const bool moves : {false, true}) {
    const auto overlay =
        make_overlay(cursor_at(333, 222, {32, 32}), {{0, 0, kSize}, kSize, Fourcc::kNV12, {}});
    ASSERT_TRUE(context_->synchronize());
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRounds; ++i) {
      if (moves) painter_->overlay_changed();
      ASSERT_TRUE(painter_->paint(*clean, kSize, overlay));
      ASSERT_TRUE(context_->synchronize());
    }
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    std::printf("rate pointer on NV12 1920x1080, %s: %.1f us\n", moves ? "moving" : "at rest",
                time.count() / kRounds);
  }
}

}  // namespace
}  // namespace lumen
