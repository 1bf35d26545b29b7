// NVENC's backends over real GPU memory on a real NVIDIA driver. The encoder is the NVENC stand-in:
// what is shown here is all but the chip.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <dlfcn.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "capture/dmabuf_memory.h"
#include "device_reader.h"
#include "sim/encode/encoder_fixture.h"
#include "sim/nvenc/control.h"
#include "zerocopy/cuda/cuda_importer.h"
#include "zerocopy/cuda/gpu.h"

namespace lumen {
namespace {

using test::EncoderFixture;
using Clock = std::chrono::steady_clock;

constexpr Extent kSize{1920, 1080};

struct Kind {
  std::string backend;
  Codec codec = Codec::kH264;
  FrameMemory memory = FrameMemory::kCuda;
  Chroma chroma = Chroma::k420;
  unsigned bit_depth = 8;
};
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.backend << " " << to_string(kind.codec)
       << (kind.chroma == Chroma::k444 ? " 4:4:4" : "") << (kind.bit_depth == 10 ? " 10 bits" : "")
       << (kind.memory == FrameMemory::kCuda ? " from GPU memory" : " from host memory");
}

class EncodeGpu : public testing::Test {
 protected:
  void SetUp() override {
    const auto context = gpu_->context();
    if (!context) GTEST_SKIP() << context.error().describe();
    nvenc_ = sim::NvencControl(::dlopen("libnvidia-encode.so.1", RTLD_NOW));
    if (!nvenc_.ok()) GTEST_SKIP() << "libnvidia-encode.so.1 is not the NVENC stand-in";
    nvenc_.reset();
  }
  void TearDown() override {
    fixture_.close();
    gpu_->lose();
    if (!nvenc_.ok()) return;
    EXPECT_STREQ(nvenc_.violations(), "");
    EXPECT_EQ(nvenc_.live_handles(), 0u) << nvenc_.live_names();
  }

  std::shared_ptr<cuda::Gpu> gpu_ = std::make_shared<cuda::Gpu>();
  sim::NvencControl nvenc_{nullptr};
  EncoderFixture fixture_{gpu_};
};

class EncodePictures : public EncodeGpu, public testing::WithParamInterface<Kind> {};

TEST_P(EncodePictures, ComeOutAsTheyWentIn) {
  EncoderSettings settings;
  settings.codec = GetParam().codec;
  settings.size = kSize;
  settings.chroma = GetParam().chroma;
  settings.bit_depth = GetParam().bit_depth;
  const auto opened = fixture_.open(GetParam().backend, settings);
  ASSERT_TRUE(opened) << opened.error().describe();
  constexpr std::uint32_t kCount = 60;
  for (std::uint32_t n = 0; n < kCount; ++n) {
    const auto done = fixture_.encode(n, EncodeRequest::key_frame(n == 0), GetParam().memory);
    ASSERT_TRUE(done) << done.error().describe();
  }
  ASSERT_TRUE(fixture_.encoder->flush());
  const auto frames = fixture_.take();
  ASSERT_EQ(frames.size(), kCount);
  const auto pictures = test::play(GetParam().codec, frames);
  ASSERT_EQ(pictures.size(), kCount);
  double worst = 100;
  for (std::uint32_t n = 0; n < kCount; ++n) {
    ASSERT_EQ(pictures[n].number(), n);
    worst = std::min(worst, test::psnr(pictures[n], fixture_.original(n)));
    worst = std::min(worst, test::chroma_psnr(pictures[n], fixture_.original(n)));
  }
  EXPECT_GE(worst, 35);
  std::printf("rate encode %s: %u of %u pictures, worst PSNR %.1f dB (NVENC stand-in)\n",
              testing::PrintToString(GetParam()).c_str(), kCount, kCount, worst);
}

INSTANTIATE_TEST_SUITE_P(
    Gpu, EncodePictures,
    testing::Values(Kind{"nvenc", Codec::kH264}, Kind{"nvenc", Codec::kHevc},
                    Kind{"nvenc", Codec::kH264, FrameMemory::kHost},
                    Kind{"ffmpeg-nvenc", Codec::kH264}, Kind{"ffmpeg-nvenc", Codec::kHevc},
                    Kind{"ffmpeg-nvenc", Codec::kH264, FrameMemory::kHost},
                    Kind{"nvenc", Codec::kH264, FrameMemory::kCuda, Chroma::k444},
                    Kind{"nvenc", Codec::kHevc, FrameMemory::kCuda, Chroma::k420, 10},
                    Kind{"nvenc", Codec::kHevc, FrameMemory::kHost, Chroma::k444, 10},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, FrameMemory::kCuda, Chroma::k444},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, FrameMemory::kCuda, Chroma::k420, 10},
                    Kind{"ffmpeg-nvenc", Codec::kHevc, FrameMemory::kCuda, Chroma::k444, 10}));

std::shared_ptr<const DmaBufMemory> some_memory() {
  static const auto memory = std::make_shared<const DmaBufMemory>(
      std::move(*DmaBufMemory::create({STDIN_FILENO, -1, -1, -1}, 1)));
  return memory;
}

CapturedFrame captured(Extent size) {
  DmaBufImage image;
  image.memory = some_memory();
  image.plane_count = 1;
  CapturedFrame frame;
  frame.image = std::move(image);
  frame.format = Fourcc::kBGRx;
  frame.size = size;
  frame.crop = {0, 0, size};
  return frame;
}

double seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// The whole of our part: conversion into a pool buffer, registration and mapping, submission, the
// retrieval thread's lock, copy and unlock, callback. The stand-in hands out recorded pictures.
TEST_F(EncodeGpu, CostOfOurPart) {
  struct Rate {
    Extent size;
    int fps;
  };
  for (const Rate& rate :
       {Rate{{1920, 1080}, 240}, Rate{{1920, 1080}, 480}, Rate{{3840, 2160}, 240}}) {
    ASSERT_TRUE(nvenc_.set_encode_mode("nothing"));
    auto context = *gpu_->context();
    auto current = context->make_current();
    auto reader = std::make_unique<test::DeviceReader>(context, test::Lies::kArray, rate.size);
    ASSERT_TRUE(reader->draw(
        std::vector<std::uint8_t>(std::size_t{rate.size.width} * rate.size.height * 4, 0x55)));
    auto importer = cuda::CudaImporter::create(context, std::move(reader));
    ASSERT_TRUE(importer) << importer.error().describe();
    EncoderSettings settings;
    settings.size = rate.size;
    settings.rate = {static_cast<std::uint32_t>(rate.fps), 1};
    std::atomic<int> came = 0;
    auto opened = open_encoder("nvenc", settings, {.gpu = gpu_}, [&](EncodedFrame) { ++came; });
    ASSERT_TRUE(opened) << opened.error().describe();
    ASSERT_TRUE((*importer)->configure(
        {.size = rate.size, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));

    const auto step = std::chrono::nanoseconds(1'000'000'000 / rate.fps);
    const int warm = 60;
    const int frames = rate.fps * 3;
    int dropped = 0;
    int submitted = 0;
    double process = 0;
    double thread = 0;
    std::vector<double> blocked;
    auto due = Clock::now() + step;
    for (int i = -warm; i < frames; ++i, due += step) {
      if (i == 0) {
        due = Clock::now() + step;  // what making everything ready has cost is not of a frame
        process = seconds(CLOCK_PROCESS_CPUTIME_ID);
        thread = seconds(CLOCK_THREAD_CPUTIME_ID);
      }
      std::this_thread::sleep_until(due);
      const auto begin = Clock::now();
      if (begin > due + 2 * step) {
        dropped += i >= 0 ? 1 : 0;
        continue;
      }
      ++submitted;
      auto frame = (*importer)->import(captured(rate.size));
      ASSERT_TRUE(frame) << frame.error().describe();
      const Timestamp pts = Timestamp{std::chrono::hours{1}} + (i + warm) * step;
      const auto done =
          opened->encoder->encode(*frame, pts, EncodeRequest::key_frame(submitted == 1));
      ASSERT_TRUE(done) << done.error().describe();
      if (i >= 0) {
        blocked.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
      }
    }
    thread = seconds(CLOCK_THREAD_CPUTIME_ID) - thread;
    ASSERT_TRUE(opened->encoder->flush());
    process = seconds(CLOCK_PROCESS_CPUTIME_ID) - process;
    std::ranges::sort(blocked);
    std::printf(
        "rate encode %ux%u at %d fps: %d of %d dropped; import + submit median %.0f us, p99 "
        "%.0f us; CPU of the encode thread %.0f us, of the process %.0f us a frame (NVENC "
        "stand-in, encoding nothing)\n",
        rate.size.width, rate.size.height, rate.fps, dropped, frames, blocked[blocked.size() / 2],
        blocked[blocked.size() * 99 / 100], thread * 1e6 / frames, process * 1e6 / frames);
    if (rate.fps == 240 && rate.size.width == 1920) {
      std::printf("bench encode-cpu 1920x1080 %.1f\n", process * 1e6 / frames);
    }
    EXPECT_EQ(dropped, 0);
    EXPECT_EQ(came, submitted) << "everything that went in came out";
    opened->encoder.reset();
    importer->reset();
  }
}

// Eight pictures in flight: submitted as fast as they are made, none is lost and none waits for the
// CPU between import and submission.
TEST_F(EncodeGpu, NeverStarves) {
  ASSERT_TRUE(nvenc_.set_encode_mode("nothing"));
  auto context = *gpu_->context();
  auto current = context->make_current();
  auto reader = std::make_unique<test::DeviceReader>(context, test::Lies::kArray, kSize);
  auto importer = cuda::CudaImporter::create(context, std::move(reader));
  ASSERT_TRUE(importer);
  EncoderSettings settings;
  settings.size = kSize;
  std::atomic<int> came = 0;
  auto opened = open_encoder("nvenc", settings, {.gpu = gpu_}, [&](EncodedFrame) { ++came; });
  ASSERT_TRUE(opened) << opened.error().describe();
  ASSERT_TRUE((*importer)->configure(
      {.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));
  const auto begin = Clock::now();
  constexpr int kFrames = 10'000;
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t total = 0;
  for (int i = 0; i < kFrames; ++i) {
    auto frame = (*importer)->import(captured(kSize));
    ASSERT_TRUE(frame) << frame.error().describe();
    const Timestamp pts = Timestamp{std::chrono::hours{1}} + i * std::chrono::microseconds(100);
    ASSERT_TRUE(opened->encoder->encode(*frame, pts, EncodeRequest::key_frame(i == 0)));
    if (i == 100) context->driver().cuMemGetInfo(&before, &total);
  }
  ASSERT_TRUE(opened->encoder->flush());
  const double wall = std::chrono::duration<double>(Clock::now() - begin).count();
  context->driver().cuMemGetInfo(&after, &total);
  EXPECT_EQ(came, kFrames);
  EXPECT_GE(after + (1U << 20), before) << "GPU memory grew";
  EXPECT_LE(nvenc_.calls("nvEncRegisterResource"), 12u) << "once for each pool buffer";
  std::printf(
      "rate encode back to back: %.0f pictures of 1920x1080 a second (NVENC stand-in, "
      "encoding nothing)\n",
      kFrames / wall);
  opened->encoder.reset();
  importer->reset();
}

}  // namespace
}  // namespace lumen
