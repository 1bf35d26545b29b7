// The part that all GPU routes share, on a real NVIDIA driver: our PTX, the pools, readback, and
// the rates that the import path holds.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "capture/dmabuf_memory.h"
#include "device_reader.h"
#include "zerocopy/cpu/convert.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/cuda/cuda_importer.h"
#include "zerocopy/cuda/kernels/convert_kernel.h"
#include "zerocopy/frame_geometry.h"
#include "zerocopy/rgb_coefficients.h"
#include "zerocopy/selftest/prove.h"

namespace lumen {
namespace {

using test::DeviceReader;
using test::Lies;
using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

Bytes noise(Extent size) {
  Bytes bytes(std::size_t{size.width} * size.height * 4);
  std::mt19937 random(size.width * 31 + size.height);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

/// Any open file stands for the producer's buffer; nothing reads it.
std::shared_ptr<const DmaBufMemory> some_memory() {
  static const auto memory = std::make_shared<const DmaBufMemory>(
      std::move(*DmaBufMemory::create({STDIN_FILENO, -1, -1, -1}, 1)));
  return memory;
}

CapturedFrame frame_of(Extent size, Fourcc format = Fourcc::kBGRx) {
  DmaBufImage image;
  image.memory = some_memory();
  image.plane_count = 1;
  CapturedFrame frame;
  frame.image = std::move(image);
  frame.format = format;
  frame.size = size;
  frame.crop = {0, 0, size};
  return frame;
}

std::size_t differing(const CpuImage& a, const CpuImage& b, Extent size) {
  std::size_t count = 0;
  for (unsigned plane = 0; plane < plane_count(a.format); ++plane) {
    const PlaneExtent extent = plane_extent(a.format, size, plane);
    for (std::size_t y = 0; y < extent.rows; ++y) {
      for (std::size_t x = 0; x < extent.row_bytes; ++x) {
        count += a.planes[plane][y * a.pitches[plane].bytes + x] !=
                         b.planes[plane][y * b.pitches[plane].bytes + x]
                     ? 1
                     : 0;
      }
    }
  }
  return count;
}

constexpr Fourcc kYuv[] = {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010,
                           Fourcc::kQ410};

class ImportGpuTest : public testing::Test {
 protected:
  void SetUp() override {
    auto driver = cuda::load_driver();
    if (!driver) GTEST_SKIP() << driver.error().describe();
    auto devices = cuda::list_devices(**driver);
    if (!devices) GTEST_SKIP() << devices.error().describe();
    context_ = *cuda::Context::create(*driver, devices->front());
    current_.emplace(std::move(*context_->make_current()));
  }
  void open(Lies lies, Extent source, const ImportTarget& target) {
    auto reader = std::make_unique<DeviceReader>(context_, lies, source);
    reader_ = reader.get();
    auto importer = cuda::CudaImporter::create(context_, std::move(reader));
    ASSERT_TRUE(importer) << importer.error().describe();
    importer_ = std::move(*importer);
    ASSERT_TRUE(importer_->configure(target));
  }

  /// Both kinds of source, both orders, every layout and depth: no byte differs.
  void expect_like_the_cpu(Extent size) {
    for (const Lies lies : {Lies::kPitched, Lies::kArray}) {
      for (const Fourcc format : {Fourcc::kBGRx, Fourcc::kRGBx, Fourcc::kXR30, Fourcc::kAB30}) {
        if (lies == Lies::kArray && bit_depth(format) == 10) continue;  // no route has such arrays
        for (const Fourcc yuv : kYuv) {
          const Extent target = even_size(size);
          open(lies, size, {.size = target, .format = yuv, .memory = FrameMemory::kHost});
          const Bytes pixels = noise(size);
          ASSERT_TRUE(reader_->draw(pixels));
          const auto frame = importer_->import(frame_of(size, format));
          ASSERT_TRUE(frame) << frame.error().describe();
          auto pool = cpu::ImagePool::create(yuv, target, 1);
          auto expected = (*pool)->acquire();
          ASSERT_TRUE(cpu::convert({format, size, {pixels.data()}, {Pitch{size.width * 4}}},
                                   {yuv, target, expected->planes, expected->pitches}, {}));
          EXPECT_EQ(differing(std::get<CpuImage>(frame->payload), *expected, target), 0u)
              << to_string(format) << " to " << to_string(yuv) << " " << size.width << "x"
              << size.height << (lies == Lies::kArray ? " array" : " pitched");
        }
      }
    }
  }

  std::shared_ptr<cuda::Context> context_;
  std::optional<cuda::Context::Current> current_;
  DeviceReader* reader_ = nullptr;
  std::unique_ptr<cuda::CudaImporter> importer_;
};

TEST_F(ImportGpuTest, ConvertsLikeTheCpuRouteAtEverySize) {
  for (const Extent size :
       {Extent{641, 359}, Extent{1920, 1080}, Extent{3840, 2160}, Extent{7680, 4320}}) {
    expect_like_the_cpu(size);
  }
}

TEST_F(ImportGpuTest, ConvertsSmallPicturesLikeTheCpuRoute) {
  for (const Extent size : {Extent{64, 64}, Extent{97, 61}, Extent{2, 2}}) {
    expect_like_the_cpu(size);
  }
}

TEST_F(ImportGpuTest, ScalesLikeTheSameSourceOnTheCpu) {
  const Extent source{1920, 1080};
  const Bytes pixels = noise(source);
  for (const Extent target :
       {Extent{1280, 720}, Extent{642, 360}, Extent{2560, 1440}, Extent{1000, 1000}}) {
    for (const Lies lies : {Lies::kPitched, Lies::kArray}) {
      open(lies, source, {.size = target, .format = Fourcc::kI420, .memory = FrameMemory::kHost});
      ASSERT_TRUE(reader_->draw(pixels));
      const auto frame = importer_->import(frame_of(source));
      ASSERT_TRUE(frame) << frame.error().describe();
      const auto& image = std::get<CpuImage>(frame->payload);
      const Rect inner = fit_rectangle(source, target);
      cuda::ConvertParams p{};
      p.crop_width = 1920;
      p.crop_height = 1080;
      p.inner_width = static_cast<int>(inner.size.width);
      p.inner_height = static_cast<int>(inner.size.height);
      const auto fetch = [&](int x, int y) -> cuda::Pixel {
        const auto* at =
            pixels.data() + (static_cast<std::size_t>(y) * 1920 + static_cast<std::size_t>(x)) * 4;
        return {at[0], at[1], at[2], at[3]};
      };
      const auto matrix = make_rgb_coefficients({}, Fourcc::kBGRx);
      std::size_t wrong = 0;
      for (std::uint32_t y = 0; y < inner.size.height; ++y) {
        for (std::uint32_t x = 0; x < inner.size.width; ++x) {
          const auto pixel = cuda::sample(p, fetch, static_cast<int>(x), static_cast<int>(y));
          const int luma = (matrix.luma[0] * pixel.c0 + matrix.luma[1] * pixel.c1 +
                            matrix.luma[2] * pixel.c2 + matrix.luma_bias) >>
                           16;
          wrong +=
              image.planes[0][(y + inner.y) * image.pitches[0].bytes + x + inner.x] != luma ? 1 : 0;
        }
      }
      EXPECT_EQ(wrong, 0u) << target.width << "x" << target.height;
    }
  }
}

// Every plane of a scaled picture between bars, against the kernels' source run on the CPU.
TEST_F(ImportGpuTest, ScalesEveryFormatLikeTheSameSourceOnTheCpu) {
  const Extent source{1920, 1080};
  const Extent target{1000, 1000};
  const Rect inner = fit_rectangle(source, target);
  const Bytes pixels = noise(source);
  const auto fetch = [&](int x, int y) -> cuda::Pixel {
    const auto* at =
        pixels.data() + (static_cast<std::size_t>(y) * 1920 + static_cast<std::size_t>(x)) * 4;
    return {at[0], at[1], at[2], at[3]};
  };
  const ColorDescription color{.matrix = ColorMatrix::kBt2020Ncl, .range = ColorRange::kFull};
  for (const Fourcc yuv : kYuv) {
    open(Lies::kArray, source,
         {.size = target, .format = yuv, .memory = FrameMemory::kHost, .color = color});
    ASSERT_TRUE(reader_->draw(pixels));
    const auto frame = importer_->import(frame_of(source));
    ASSERT_TRUE(frame) << frame.error().describe();
    auto pool = cpu::ImagePool::create(yuv, target, 1);
    const auto expected = (*pool)->acquire();
    const int bytes = is_ten_bit(yuv) ? 2 : 1;
    cuda::ConvertParams p{};
    p.crop_width = 1920;
    p.crop_height = 1080;
    p.width = p.height = 1000;
    p.inner_x = static_cast<int>(inner.x);
    p.inner_y = static_cast<int>(inner.y);
    p.inner_width = static_cast<int>(inner.size.width);
    p.inner_height = static_cast<int>(inner.size.height);
    const bool pairs = plane_count(yuv) == 2;
    std::array<std::uint8_t*, 3> planes = expected->planes;
    for (std::size_t i = 0; i < 3; ++i) p.pitches[i] = expected->pitches[i].bytes;
    if (pairs) {
      planes[2] = planes[1] + bytes;
      p.pitches[2] = p.pitches[1];
    }
    p.full_chroma = is_full_chroma(yuv) ? 1 : 0;
    p.chroma_step = pairs ? 2 * bytes : bytes;
    const auto matrix = make_rgb_coefficients(color, Fourcc::kBGRx, bytes == 2 ? 10 : 8);
    std::ranges::copy(matrix.luma, p.luma);
    std::ranges::copy(matrix.cb, p.cb);
    std::ranges::copy(matrix.cr, p.cr);
    p.luma_bias = matrix.luma_bias;
    p.chroma_bias = matrix.chroma_bias;
    const auto store = [&](int plane, long long offset, int value) {
      const std::array both{static_cast<std::uint8_t>(value),
                            static_cast<std::uint8_t>(value >> 8)};
      std::copy_n(both.begin(), bytes, planes[static_cast<std::size_t>(plane)] + offset);
    };
    for (int y = 0; y < 500; ++y) {
      for (int x = 0; x < 500; ++x) {
        if (bytes == 2) {
          cuda::convert_block<2>(p, fetch, store, x, y);
        } else {
          cuda::convert_block<1>(p, fetch, store, x, y);
        }
      }
    }
    EXPECT_EQ(differing(std::get<CpuImage>(frame->payload), *expected, target), 0u)
        << to_string(yuv);
  }
}

TEST_F(ImportGpuTest, TenThousandFramesNeedNoMoreGpuMemory) {
  open(Lies::kArray, {640, 360},
       {.size = {640, 360}, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda});
  ASSERT_TRUE(reader_->draw(noise({640, 360})));
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t total = 0;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(importer_->import(frame_of({640, 360})));
    if (i == 100) context_->driver().cuMemGetInfo(&before, &total);
  }
  ASSERT_TRUE(context_->synchronize());
  context_->driver().cuMemGetInfo(&after, &total);
  EXPECT_GE(after + (1U << 20), before) << "GPU memory grew";
}

double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Frames become due at a fixed rate, as from a producer with three buffers (KWin has two to four):
// a frame is lost when two newer ones are there before its import begins.
TEST_F(ImportGpuTest, HoldsHighFrameRates) {
  struct Rate {
    Extent size;
    int fps;
  };
  for (const Rate& rate : {Rate{{1920, 1080}, 480}, Rate{{3840, 2160}, 240}}) {
    open(Lies::kArray, rate.size,
         {.size = rate.size, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda});
    ASSERT_TRUE(reader_->draw(noise(rate.size)));
    const auto step = std::chrono::nanoseconds(1'000'000'000 / rate.fps);
    const int frames = rate.fps * 3;
    int dropped = 0;
    double cpu = 0;
    std::vector<double> taken;
    auto due = Clock::now() + step;
    for (int i = 0; i < frames; ++i, due += step) {
      std::this_thread::sleep_until(due);
      const auto begin = Clock::now();
      if (begin > due + 2 * step) {
        ++dropped;
        continue;
      }
      const double cpu_begin = thread_seconds();
      ASSERT_TRUE(importer_->import(frame_of(rate.size)));
      cpu += thread_seconds() - cpu_begin;
      ASSERT_TRUE(context_->synchronize());
      taken.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    std::ranges::sort(taken);
    std::printf(
        "rate %ux%u at %d fps: %d of %d dropped; import+GPU median %.1f us, p99 %.1f us; CPU of "
        "our thread %.1f us a frame\n",
        rate.size.width, rate.size.height, rate.fps, dropped, frames, taken[taken.size() / 2],
        taken[taken.size() * 99 / 100], cpu * 1e6 / frames);
    EXPECT_EQ(dropped, 0);
  }
}

std::string to_lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

TEST_F(ImportGpuTest, Costs) {
  for (const Extent size : {Extent{1920, 1080}, Extent{3840, 2160}}) {
    const auto floor = selftest::time_device_copy(context_, size, 400);
    ASSERT_TRUE(floor);
    const double floor_us = static_cast<double>(floor->count()) / 1e3;
    std::printf("bench floor %ux%u %.1f\n", size.width, size.height, floor_us);
    for (const Lies lies : {Lies::kPitched, Lies::kArray}) {
      for (const Fourcc format :
           {Fourcc::kBGRx, Fourcc::kNV12, Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
        for (const FrameMemory memory : {FrameMemory::kCuda, FrameMemory::kHost}) {
          if (memory == FrameMemory::kHost && format != Fourcc::kNV12) continue;
          open(lies, size, {.size = size, .format = format, .memory = memory});
          ASSERT_TRUE(reader_->draw(noise(size)));
          std::vector<double> times;
          for (int i = 0; i < 410; ++i) {
            const auto begin = Clock::now();
            ASSERT_TRUE(importer_->import(frame_of(size)));
            ASSERT_TRUE(context_->synchronize());
            if (i >= 10) {
              times.push_back(
                  std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
            }
          }
          std::ranges::sort(times);
          std::printf("bench import-%s-%s%s %ux%u %.1f (%.2f x floor)\n",
                      lies == Lies::kArray ? "array" : "pitched",
                      to_lower(to_string(format)).c_str(),
                      memory == FrameMemory::kHost ? "-readback" : "", size.width, size.height,
                      times[times.size() / 2], times[times.size() / 2] / floor_us);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lumen
