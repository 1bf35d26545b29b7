#include "zerocopy/cuda/cuda_importer.h"

#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shared_memory_reader.h"
#include "stand_in.h"
#include "support/test_frames.h"
#include "zerocopy/cpu/convert.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

using test::SharedMemoryReader;
using test::SharedPicture;

constexpr Extent kSize{62, 38};

/// Tightly packed planes of a Y'CbCr picture.
using Bytes = std::vector<std::uint8_t>;

Bytes packed(const CpuImage& image, Extent size) {
  Bytes bytes;
  for (unsigned plane = 0; plane < plane_count(image.format); ++plane) {
    const PlaneExtent extent = plane_extent(image.format, size, plane);
    for (std::size_t y = 0; y < extent.rows; ++y) {
      const std::uint8_t* row = image.planes[plane] + y * image.pitches[plane].bytes;
      bytes.insert(bytes.end(), row, row + extent.row_bytes);
    }
  }
  return bytes;
}

Bytes expected_yuv(const SharedPicture& picture, Fourcc format,
                   Fourcc source_format = Fourcc::kBGRx) {
  const Bytes pixels = picture.copy();
  auto pool = cpu::ImagePool::create(format, even_size(picture.size()), 1);
  auto image = (*pool)->acquire();
  const cpu::Picture source{
      source_format, picture.size(), {pixels.data()}, {Pitch{picture.pitch()}}};
  EXPECT_TRUE(
      cpu::convert(source, {format, even_size(picture.size()), image->planes, image->pitches}, {}));
  return packed(*image, even_size(picture.size()));
}

class CudaImporterTest : public test::StandInTest {
 protected:
  Result<void> open(const ImportTarget& target) {
    auto context = open_context();
    if (!context) return tl::unexpected(context.error());
    context_ = *context;
    auto current = context_->make_current();
    if (!current) return tl::unexpected(current.error());
    auto importer = cuda::CudaImporter::create(
        context_, std::make_unique<SharedMemoryReader>(context_, picture_));
    if (!importer) return tl::unexpected(importer.error());
    importer_ = std::move(*importer);
    return importer_->configure(target);
  }
  void TearDown() override {
    importer_.reset();
    context_.reset();
    EXPECT_EQ(picture_->leases_out, 0) << "a buffer was not given back";
    StandInTest::TearDown();
  }
  Result<Frame> import() { return importer_->import(picture_->frame(picture_)); }

  /// The buffer's pixels as they are now, without waiting for the stream unless asked to.
  Bytes download(const CudaBuffer& buffer, std::size_t row_bytes, std::size_t rows) {
    auto current = context_->make_current();
    Bytes bytes(row_bytes * rows);
    CUDA_MEMCPY2D region{};
    region.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    region.srcDevice = buffer.planes[0];
    region.srcPitch = buffer.pitches[0].bytes;
    region.dstMemoryType = CU_MEMORYTYPE_HOST;
    region.dstHost = bytes.data();
    region.dstPitch = row_bytes;
    region.WidthInBytes = row_bytes;
    region.Height = rows;
    const cuda::Driver& cuda = context_->driver();
    EXPECT_TRUE(cuda.check(cuda.cuMemcpy2DAsync(&region, context_->stream()), "copy"));
    EXPECT_TRUE(context_->synchronize());
    return bytes;
  }

  std::shared_ptr<SharedPicture> picture_ = std::make_shared<SharedPicture>(kSize);
  std::shared_ptr<cuda::Context> context_;
  std::unique_ptr<cuda::CudaImporter> importer_;
};

TEST_F(CudaImporterTest, MakesNv12OnTheGpuEqualToTheCpuRoute) {
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));
  picture_->draw(1);
  const Bytes expected = expected_yuv(*picture_, Fourcc::kNV12);
  const auto frame = import();
  ASSERT_TRUE(frame) << frame.error().describe();
  const auto& buffer = std::get<CudaBuffer>(frame->payload);
  EXPECT_EQ(buffer.planes[1] - buffer.planes[0], std::uint64_t{buffer.pitches[0].bytes} * 38)
      << "NVENC wants the planes of a buffer one behind the other";
  EXPECT_EQ(download(buffer, 62, 57), expected);
  EXPECT_EQ(importer_->route(), "test");
}

TEST_F(CudaImporterTest, TheProducersBufferGoesBackAfterTheGpuHasReadIt) {
  sim_.set_idle_ms(60'000);  // nothing runs unless somebody waits for it
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));
  picture_->draw(2);
  const Bytes expected = expected_yuv(*picture_, Fourcc::kNV12);
  const auto frame = import();
  ASSERT_TRUE(frame);
  EXPECT_EQ(picture_->leases_out, 1) << "the GPU has not even begun";
  EXPECT_EQ(download(std::get<CudaBuffer>(frame->payload), 62, 57), expected)
      << "the buffer was given back, and overwritten, too early";
  EXPECT_EQ(picture_->leases_out, 0);
}

TEST_F(CudaImporterTest, NobodyNeedsToWaitForTheBufferToGoBack) {
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));
  picture_->draw(3);
  const auto frame = import();
  ASSERT_TRUE(frame);
  for (int i = 0; i < 200 && picture_->leases_out != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(picture_->leases_out, 0);
}

// One block of memory, as NVENC and FFmpeg address it.
TEST_F(CudaImporterTest, PlanesOfAnyFormatFollowEachOtherAndEqualTheCpuRoute) {
  for (const Fourcc format : {Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    SCOPED_TRACE(to_string(format));
    ASSERT_TRUE(open({.size = kSize, .format = format, .memory = FrameMemory::kCuda}));
    picture_->draw(9);
    const Bytes expected = expected_yuv(*picture_, format);
    const auto frame = import();
    ASSERT_TRUE(frame) << frame.error().describe();
    const auto& buffer = std::get<CudaBuffer>(frame->payload);
    const std::uint64_t plane_bytes = std::uint64_t{buffer.pitches[0].bytes} * kSize.height;
    EXPECT_EQ(buffer.planes[1] - buffer.planes[0], plane_bytes);
    if (is_full_chroma(format)) {
      EXPECT_EQ(buffer.planes[2] - buffer.planes[1], plane_bytes);
    }
    const std::size_t row = plane_extent(format, kSize, 0).row_bytes;
    EXPECT_EQ(download(buffer, row, expected.size() / row), expected);
    importer_.reset();
    context_.reset();
  }
}

TEST_F(CudaImporterTest, TenBitsOfRgbEqualTheCpuRouteInEveryTarget) {
  for (const Fourcc source : {Fourcc::kXR30, Fourcc::kAB30}) {
    for (const Fourcc format : {Fourcc::kNV12, Fourcc::kP010, Fourcc::kQ410}) {
      SCOPED_TRACE(to_string(source) + " to " + to_string(format));
      ASSERT_TRUE(open({.size = kSize, .format = format, .memory = FrameMemory::kCuda}));
      picture_->draw(11);
      const Bytes expected = expected_yuv(*picture_, format, source);
      CapturedFrame captured = picture_->frame(picture_);
      captured.format = source;
      const auto frame = importer_->import(std::move(captured));
      ASSERT_TRUE(frame) << frame.error().describe();
      const std::size_t row = plane_extent(format, kSize, 0).row_bytes;
      EXPECT_EQ(download(std::get<CudaBuffer>(frame->payload), row, expected.size() / row),
                expected);
      importer_.reset();
      context_.reset();
    }
  }
}

// NVENC's own conversion has eight bits: what it reads in place must have no more.
TEST_F(CudaImporterTest, TenBitsInAPackedTargetAreRoundedToEight) {
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kBGRx, .memory = FrameMemory::kCuda}));
  picture_->draw(12);
  const Bytes pixels = picture_->copy();
  CapturedFrame captured = picture_->frame(picture_);
  captured.format = Fourcc::kXB30;
  const auto frame = importer_->import(std::move(captured));
  ASSERT_TRUE(frame) << frame.error().describe();
  const Bytes made = download(std::get<CudaBuffer>(frame->payload), kSize.width * 4, kSize.height);
  for (std::size_t i = 0; i < made.size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, &pixels[i], sizeof(word));
    const auto eight = [word](unsigned bit) { return ((word >> bit & 1023) * 255 + 511) / 1023; };
    ASSERT_EQ(made[i], eight(20));  // blue is on top of the source
    ASSERT_EQ(made[i + 1], eight(10));
    ASSERT_EQ(made[i + 2], eight(0));
    ASSERT_EQ(made[i + 3], 255);
  }
}

TEST_F(CudaImporterTest, LightIsTheSourcesMatrixAndRangeAreOurs) {
  ASSERT_TRUE(open({.size = kSize,
                    .format = Fourcc::kNV12,
                    .memory = FrameMemory::kCuda,
                    .color = {.matrix = ColorMatrix::kBt2020Ncl}}));
  picture_->draw(1);
  CapturedFrame captured = picture_->frame(picture_);
  captured.color = {.matrix = ColorMatrix::kBt601,
                    .range = ColorRange::kFull,
                    .primaries = ColorPrimaries::kBt2020,
                    .transfer = ColorTransfer::kHlg};
  const auto frame = importer_->import(std::move(captured));
  ASSERT_TRUE(frame) << frame.error().describe();
  EXPECT_EQ(frame->color, (ColorDescription{.matrix = ColorMatrix::kBt2020Ncl,
                                            .range = ColorRange::kLimited,
                                            .primaries = ColorPrimaries::kBt2020,
                                            .transfer = ColorTransfer::kHlg}));
}

TEST_F(CudaImporterTest, ReadsBackForEncodersOnTheCpu) {
  for (const Fourcc format :
       {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    ASSERT_TRUE(open({.size = kSize, .format = format, .memory = FrameMemory::kHost}));
    for (unsigned seed = 0; seed < 12; ++seed) {  // more than the ring has
      picture_->draw(seed);
      const Bytes expected = expected_yuv(*picture_, format);
      const auto frame = import();
      ASSERT_TRUE(frame) << frame.error().describe();
      EXPECT_EQ(packed(std::get<CpuImage>(frame->payload), kSize), expected);
      EXPECT_EQ(picture_->leases_out, 0);
    }
    EXPECT_EQ(importer_->route(), "test+readback");
    importer_.reset();
    context_.reset();
  }
}

TEST_F(CudaImporterTest, PackedPicturesAreCopiedAsTheyAre) {
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kBGRx, .memory = FrameMemory::kCuda}));
  picture_->draw(4);
  const Bytes expected = picture_->copy();
  const auto frame = import();
  ASSERT_TRUE(frame);
  EXPECT_EQ(download(std::get<CudaBuffer>(frame->payload), kSize.width * 4, kSize.height),
            expected);
  EXPECT_EQ(sim_.calls("cuLaunchKernel"), 0u);
}

TEST_F(CudaImporterTest, ScalesInTheSamePass) {
  ASSERT_TRUE(open({.size = {30, 18}, .format = Fourcc::kNV12, .memory = FrameMemory::kHost}));
  picture_->draw(5);
  const auto frame = import();
  ASSERT_TRUE(frame) << frame.error().describe();
  EXPECT_EQ(frame->size, (Extent{30, 18}));
  EXPECT_EQ(sim_.calls("cuLaunchKernel"), 1u);
}

// The same sums, of 8 and of 10 bits, with every pixel's chroma and with every block's.
TEST_F(CudaImporterTest, ScaledPicturesAgreeInEveryFormat) {
  const auto made = [&](Fourcc format) {
    EXPECT_TRUE(open({.size = {30, 40}, .format = format, .memory = FrameMemory::kHost}));
    picture_->draw(5);
    auto frame = import();
    EXPECT_TRUE(frame);
    auto planes = frame ? test::samples_of(*frame) : std::array<test::SamplePlane, 3>{};
    frame = tl::unexpected(Error{});
    importer_.reset();
    context_.reset();
    return planes;
  };
  const auto nv12 = made(Fourcc::kNV12);
  const auto p010 = made(Fourcc::kP010);
  const auto i444 = made(Fourcc::kI444);
  const auto q410 = made(Fourcc::kQ410);
  EXPECT_EQ(p010[0].samples, q410[0].samples);
  EXPECT_EQ(nv12[0].samples, i444[0].samples);
  for (std::size_t plane = 0; plane < 3; ++plane) {
    ASSERT_FALSE(nv12[plane].samples.empty());
    for (std::size_t i = 0; i < nv12[plane].samples.size(); ++i) {
      ASSERT_NEAR(p010[plane].samples[i] / 4.0, nv12[plane].samples[i], 0.76) << plane;
    }
    for (std::size_t i = 0; i < i444[plane].samples.size(); ++i) {
      ASSERT_NEAR(q410[plane].samples[i] / 4.0, i444[plane].samples[i], 0.76) << plane;
    }
  }
  const std::uint32_t width = i444[1].size.width;
  for (std::size_t plane = 1; plane < 3; ++plane) {
    for (std::size_t i = 0; i < nv12[plane].samples.size(); ++i) {
      const std::size_t at = i / (width / 2) * 2 * width + i % (width / 2) * 2;
      const auto& full = q410[plane].samples;
      const double mean = (full[at] + full[at + 1] + full[at + width] + full[at + width + 1]) / 4.0;
      ASSERT_NEAR(p010[plane].samples[i], mean, 1) << plane << " " << i;
    }
  }
}

TEST_F(CudaImporterTest, TheSteadyStateAllocatesAndRegistersNothing) {
  for (const FrameMemory memory : {FrameMemory::kCuda, FrameMemory::kHost}) {
    ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = memory}));
    const auto run = [&](unsigned frames) {
      for (unsigned i = 0; i < frames; ++i) {
        picture_->draw(i);
        ASSERT_TRUE(import());
        // Nobody draws into a buffer that the GPU still reads.
        auto current = context_->make_current();
        ASSERT_TRUE(context_->synchronize());
      }
    };
    run(10);
    const char* const makers =
        "cuMemAllocPitch_v2,cuMemHostAlloc,cuMemFree_v2,cuMemFreeHost,cuImportExternalMemory,"
        "cuExternalMemoryGetMappedBuffer,cuTexObjectCreate,cuEventCreate,cuStreamCreate,"
        "cuModuleLoadData,cuGraphicsEGLRegisterImage,cuGraphicsGLRegisterImage,cuArray3DCreate_v2";
    const auto before = sim_.calls(makers);
    run(100);
    EXPECT_EQ(sim_.calls(makers), before);
    importer_.reset();
    context_.reset();
  }
}

TEST_F(CudaImporterTest, AFullPoolSkipsFramesUntilOneComesBack) {
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));
  std::vector<Frame> held;
  for (;;) {
    auto frame = import();
    if (!frame) {
      EXPECT_EQ(frame.error().kind, ErrorKind::kRetry);
      break;
    }
    held.push_back(std::move(*frame));
    ASSERT_LT(held.size(), 100u);
  }
  EXPECT_EQ(held.size(), cuda::BufferPool::kDefaultLimit);
  held.pop_back();
  EXPECT_TRUE(import());
}

TEST_F(CudaImporterTest, FramesMayOutliveTheImporter) {
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kHost}));
  picture_->draw(6);
  const Bytes expected = expected_yuv(*picture_, Fourcc::kNV12);
  auto frame = import();
  ASSERT_TRUE(frame);
  importer_.reset();
  context_.reset();
  EXPECT_EQ(packed(std::get<CpuImage>(frame->payload), kSize), expected);
}

TEST_F(CudaImporterTest, ALostContextIsReportedAndLeavesNothingBehind) {
  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}));
  picture_->draw(7);
  auto kept = import();
  ASSERT_TRUE(kept);
  sim_.kill_context();
  const auto lost = import();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kDeviceLost) << lost.error().describe();
  kept = tl::unexpected(Error{});
  importer_.reset();
  context_.reset();
  EXPECT_EQ(picture_->leases_out, 0);

  ASSERT_TRUE(open({.size = kSize, .format = Fourcc::kNV12, .memory = FrameMemory::kCuda}))
      << "a new context works again";
  picture_->draw(8);
  const Bytes expected = expected_yuv(*picture_, Fourcc::kNV12);
  auto frame = import();
  ASSERT_TRUE(frame);
  EXPECT_EQ(download(std::get<CudaBuffer>(frame->payload), 62, 57), expected);
}

// Every call of a short life fails once, with each of three codes: whatever happens, nothing is
// leaked, every buffer goes back, and a frame that is handed out is right.
TEST_F(CudaImporterTest, EveryCallMayFail) {
  for (const FrameMemory memory : {FrameMemory::kCuda, FrameMemory::kHost}) {
    for (const int code : {cuda::kErrorOutOfMemory, cuda::kErrorIllegalAddress, 999}) {
      unsigned failed = 0;
      for (unsigned n = 1;; ++n) {
        ASSERT_LT(n, 500u);
        sim_.reset();
        const std::string rule = "*@" + std::to_string(n) + "=" + std::to_string(code);
        ASSERT_EQ(sim_.set_fail(rule.c_str()), 1);
        bool all_well =
            static_cast<bool>(open({.size = kSize, .format = Fourcc::kNV12, .memory = memory}));
        for (unsigned i = 0; all_well && i < 3; ++i) {
          picture_->draw(i);
          const Bytes expected = expected_yuv(*picture_, Fourcc::kNV12);
          const auto frame = import();
          all_well = frame.has_value();
          if (!frame || memory == FrameMemory::kCuda) continue;
          ASSERT_EQ(packed(std::get<CpuImage>(frame->payload), kSize), expected)
              << "call " << n << " failed and nobody noticed";
        }
        const auto calls = sim_.calls("*");
        importer_.reset();
        context_.reset();
        ASSERT_EQ(picture_->leases_out, 0) << rule;
        ASSERT_STREQ(sim_.violations(), "") << rule;
        ASSERT_EQ(sim_.live_handles(), 0u) << rule << ": " << sim_.live_names();
        failed += all_well ? 0 : 1;
        if (calls < n) break;  // nothing was left to fail
      }
      EXPECT_GT(failed, 20u) << "the sweep found too few calls";
    }
  }
}

TEST(CudaDriver, SaysWhatIsWrongWithTheLibrary) {
  const auto missing = cuda::load_driver("libno-such-cuda.so.1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(missing.error().message.find("no NVIDIA driver"), std::string::npos);
  const auto old = cuda::load_driver("libm.so.6");
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().message.find("too old"), std::string::npos);
}

}  // namespace
}  // namespace lumen
