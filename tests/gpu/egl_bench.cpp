// What a frame costs on the EGL routes: prints "bench NAME 1920x1080 MEDIAN_US", medians over 400
// frames after 50. A frame is open(), one device-to-device copy, close() and the wait for it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "gpu/egl_fixture.h"
#include "zerocopy/cuda/cuda_importer.h"

namespace lumen::test {
namespace {

constexpr int kWarmUp = 50;
constexpr int kFrames = 400;
constexpr std::array<Extent, 2> kSizes{{{1920, 1080}, {3840, 2160}}};

/// `prepare` is not timed, `frame` is; both get the frame's number.
template <typename Prepare, typename Frame>
void measure(const std::string& name, Extent size, Prepare prepare, Frame frame) {
  std::vector<double> microseconds;
  for (int i = 0; i < kWarmUp + kFrames; ++i) {
    prepare(i);
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(frame(i)) << name << ", frame " << i;
    const std::chrono::duration<double, std::micro> spent =
        std::chrono::steady_clock::now() - begin;
    if (i >= kWarmUp) microseconds.push_back(spent.count());
  }
  const auto middle = microseconds.begin() + kFrames / 2;
  std::ranges::nth_element(microseconds, middle);
  std::printf("bench %s %ux%u %.1f\n", name.c_str(), size.width, size.height, *middle);
  std::fflush(stdout);
}

class EglBench : public testing::Test {
 protected:
  void SetUp() override {
    auto gpu = EglGpu::create();
    if (!gpu) GTEST_SKIP() << gpu.error().describe();
    gpu_ = std::move(*gpu);
    if (gpu_->stand_in()) GTEST_SKIP() << "the CUDA stand-in's speed says nothing";
  }

  enum class Producer { kIdle, kDraws };

  void measure_route(EglRoute route, Producer producer) {
    for (const Extent size : kSizes) {
      auto reader = gpu_->create_reader(route);
      ASSERT_TRUE(reader) << reader.error().describe();
      auto target = DeviceBuffer::create(gpu_->context(), size);
      ASSERT_TRUE(target) << target.error().describe();
      std::vector<CapturedFrame> ring;
      for (int i = 0; i < 4; ++i) {
        auto frame = gpu_->producer().add(size, Fourcc::kBGRx);
        ASSERT_TRUE(frame) << frame.error().describe();
        gpu_->producer().draw(*frame, 0xff00'00ffU);
        ring.push_back(std::move(*frame));
      }
      const auto frame_of = [&](int i) -> const CapturedFrame& {
        return ring[static_cast<std::size_t>(i) % ring.size()];
      };
      measure(
          to_string(route) + (producer == Producer::kDraws ? "-producer-draws" : "-producer-idle"),
          size,
          [&](int i) {
            if (producer == Producer::kDraws) {
              gpu_->producer().draw(frame_of(i), static_cast<std::uint32_t>(i));
            }
          },
          [&](int i) {
            auto picture = (*reader)->open(frame_of(i));
            return picture && copy_to(gpu_->context(), *picture, *target) && (*reader)->close() &&
                   gpu_->context().synchronize();
          });
      for (const CapturedFrame& frame : ring) gpu_->producer().remove(frame);
    }
  }

  /// The whole import as a stream has it: conversion to pooled NV12 instead of a copy.
  void measure_import(EglRoute route, Producer producer) {
    for (const Extent size : kSizes) {
      auto reader = gpu_->create_reader(route);
      ASSERT_TRUE(reader) << reader.error().describe();
      auto importer = cuda::CudaImporter::create(gpu_->shared_context(), std::move(*reader));
      ASSERT_TRUE(importer) << importer.error().describe();
      ASSERT_TRUE((*importer)->configure(
          {.size = size, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));
      std::vector<CapturedFrame> ring;
      for (int i = 0; i < 4; ++i) {
        auto frame = gpu_->producer().add(size, Fourcc::kBGRx);
        ASSERT_TRUE(frame) << frame.error().describe();
        gpu_->producer().draw(*frame, 0xff00'00ffU);
        ring.push_back(std::move(*frame));
      }
      measure(
          to_string(route) + "-nv12" +
              (producer == Producer::kDraws ? "-producer-draws" : "-producer-idle"),
          size,
          [&](int i) {
            if (producer == Producer::kDraws) {
              gpu_->producer().draw(ring[static_cast<std::size_t>(i) % ring.size()],
                                    static_cast<std::uint32_t>(i));
            }
          },
          [&](int i) {
            const CapturedFrame& source = ring[static_cast<std::size_t>(i) % ring.size()];
            CapturedFrame frame;
            frame.image = source.image;
            frame.format = source.format;
            frame.size = source.size;
            frame.crop = source.crop;
            return (*importer)->import(std::move(frame)) && gpu_->context().synchronize();
          });
      for (const CapturedFrame& frame : ring) gpu_->producer().remove(frame);
    }
  }

  std::unique_ptr<EglGpu> gpu_;
};

TEST_F(EglBench, FloorOneCopyOnTheDevice) {
  for (const Extent size : kSizes) {
    auto from = DeviceBuffer::create(gpu_->context(), size);
    auto to = DeviceBuffer::create(gpu_->context(), size);
    ASSERT_TRUE(from && to);
    cuda::DevicePicture picture;
    picture.address = from->address();
    picture.pitch = {static_cast<std::uint32_t>(from->pitch())};
    picture.size = size;
    measure(
        "floor-copy", size, [](int) {},
        [&](int) {
          return copy_to(gpu_->context(), picture, *to) && gpu_->context().synchronize();
        });
  }
}

// The producer's own time, hand-over between threads included, to set the others beside.
TEST_F(EglBench, ProducerAlone) {
  for (const Extent size : kSizes) {
    auto frame = gpu_->producer().add(size, Fourcc::kBGRx);
    ASSERT_TRUE(frame) << frame.error().describe();
    measure(
        "producer-alone", size, [](int) {},
        [&](int i) {
          gpu_->producer().draw(*frame, static_cast<std::uint32_t>(i));
          return true;
        });
  }
}

TEST_F(EglBench, ImportProducerIdle) { measure_import(EglRoute::kEgl, Producer::kIdle); }
TEST_F(EglBench, ImportProducerDraws) { measure_import(EglRoute::kEgl, Producer::kDraws); }
TEST_F(EglBench, BlitImportProducerDraws) { measure_import(EglRoute::kBlit, Producer::kDraws); }
TEST_F(EglBench, EglProducerIdle) { measure_route(EglRoute::kEgl, Producer::kIdle); }
TEST_F(EglBench, EglProducerDraws) { measure_route(EglRoute::kEgl, Producer::kDraws); }
TEST_F(EglBench, BlitProducerIdle) { measure_route(EglRoute::kBlit, Producer::kIdle); }
TEST_F(EglBench, BlitProducerDraws) { measure_route(EglRoute::kBlit, Producer::kDraws); }

}  // namespace
}  // namespace lumen::test
