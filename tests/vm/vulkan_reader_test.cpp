// The Vulkan route on real dmabufs (udmabuf, dma-heap). Runs in the virtual machine with Mesa's
// lavapipe as the GPU and, as libcuda.so.1, the CUDA stand-in: what is proven is the import, the
// copy and the order of calls, not a driver of NVIDIA's.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lying_layouts.h"
#include "sim/cuda/control.h"
#include "software_gpu.h"
#include "support/cuda_readback.h"
#include "support/cuda_session.h"
#include "support/dmabuf_producer.h"
#include "zerocopy/vulkan/vulkan_reader.h"

namespace lumen::vulkan {
namespace {

using test::DmaBufProducer;

constexpr std::array kFormats{Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA,
                              Fourcc::kXR30, Fourcc::kXB30, Fourcc::kAR30, Fourcc::kAB30};

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

/// Without what is mapped from files, which comes and goes with the page cache.
std::size_t anonymous_bytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8)) * 1024;
  }
  return 0;
}

/// The stand-in takes the place of the GPU that Vulkan has.
Result<void> give_stand_in_the_uuid() {
  const auto uuid = test::software_gpu_uuid();
  if (!uuid) return tl::unexpected(uuid.error());
  ::setenv("LUMEN_SIM_CUDA_UUID", uuid->c_str(), 1);
  return {};
}

class VulkanRoute : public testing::Test {
 protected:
  void SetUp() override {
    if (auto dmabufs = test::TestDmaBuf::available(); !dmabufs) {
      GTEST_SKIP() << dmabufs.error().describe();
    }
    if (auto named = give_stand_in_the_uuid(); !named) GTEST_SKIP() << named.error().describe();
    auto cuda = test::CudaSession::create(LUMEN_SIM_CUDA_LIBRARY);
    if (!cuda) GTEST_SKIP() << cuda.error().describe();
    cuda_.emplace(std::move(*cuda));
    auto reader = VulkanReader::create(cuda_->context, {});
    ASSERT_TRUE(reader) << reader.error().describe();
    reader_ = std::move(*reader);
  }

  void TearDown() override {
    reader_.reset();
    if (!cuda_) return;
    // The library is loaded already: this only asks for it by name.
    const std::unique_ptr<void, int (*)(void*)> library(
        ::dlopen(LUMEN_SIM_CUDA_LIBRARY, RTLD_NOW | RTLD_NOLOAD), ::dlclose);
    const sim::Control stand_in(library.get());
    ASSERT_TRUE(stand_in.ok());
    EXPECT_STREQ(stand_in.violations(), "");
  }

  /// Empty where the frame reads as pattern `seed`; else what is wrong.
  std::string read(const CapturedFrame& frame, std::uint32_t seed) const {
    const auto picture = reader_->open(frame);
    if (!picture) return picture.error().describe();
    const auto pixels = test::download(*cuda_->context, *picture);
    if (!pixels) return pixels.error().describe();
    if (const auto closed = reader_->close(); !closed) return closed.error().describe();
    if (picture->size != frame.size) return "another size";
    return test::difference(*pixels, picture->format, frame.format, frame.size, seed);
  }
  std::string read(const DmaBufProducer& producer, std::uint32_t seed) const {
    const auto frame = producer.frame();
    return frame ? read(*frame, seed) : frame.error().describe();
  }
  [[nodiscard]] const VulkanReader& route() const {
    return static_cast<const VulkanReader&>(*reader_);
  }

  std::optional<test::CudaSession> cuda_;
  std::unique_ptr<cuda::PictureReader> reader_;
};

TEST_F(VulkanRoute, EveryFormatSizePitchAndOffsetIsReadExactly) {
  struct Shape {
    Extent size;
    std::uint32_t extra_pitch = 0;
    std::uint32_t offset = 0;
  };
  const std::array shapes{
      Shape{{64, 64}},      Shape{{61, 47}},           Shape{{61, 47}, 12},
      Shape{{1, 1}},        Shape{{127, 3}, 4, 4},     Shape{{3, 251}, 244, 4096},
      Shape{{640, 360}},    Shape{{641, 359}, 60, 64}, Shape{{97, 53}, 128, 8200},
      Shape{{97, 53}, 0, 3}};
  std::uint32_t seed = 0;
  for (const Fourcc format : kFormats) {
    for (const Shape& shape : shapes) {
      SCOPED_TRACE(fmt::format("{} {}x{} pitch +{} offset {}", to_string(format), shape.size.width,
                               shape.size.height, shape.extra_pitch, shape.offset));
      const auto producer = DmaBufProducer::create(
          {format, shape.size, {shape.size.width * 4 + shape.extra_pitch}, shape.offset});
      ASSERT_TRUE(producer) << producer.error().describe();
      producer->draw(++seed);
      EXPECT_EQ(read(*producer, seed), "");
    }
  }
}

TEST_F(VulkanRoute, OffersLinearForAllFormats) {
  const std::vector<FormatOffer> offers = reader_->offers();
  ASSERT_EQ(offers.size(), kFormats.size());
  for (const FormatOffer& offer : offers) {
    ASSERT_FALSE(offer.modifiers.empty());
    EXPECT_EQ(offer.modifiers.back(), kModifierLinear) << to_string(offer.format);
  }
}

TEST_F(VulkanRoute, RewrittenBuffersShowTheirNewPicture) {
  std::vector<DmaBufProducer> ring;
  for (int i = 0; i < 4; ++i) {
    auto producer = DmaBufProducer::create({Fourcc::kBGRx, {123, 45}});
    ASSERT_TRUE(producer) << producer.error().describe();
    ring.push_back(std::move(*producer));
  }
  for (std::uint32_t frame = 0; frame < 40; ++frame) {
    const DmaBufProducer& producer = ring[frame % ring.size()];
    producer.draw(frame);
    ASSERT_EQ(read(producer, frame), "") << "frame " << frame;
  }
  EXPECT_EQ(route().import_count(), ring.size());
  EXPECT_LE(route().pool_size(), 2U);
}

TEST_F(VulkanRoute, ABufferThatGoesAwayIsForgottenAndItsDescriptorsClosed) {
  const auto steady = DmaBufProducer::create({Fourcc::kBGRA, {64, 64}});
  ASSERT_TRUE(steady) << steady.error().describe();
  steady->draw(1);
  ASSERT_EQ(read(*steady, 1), "");
  ASSERT_EQ(read(*steady, 1), "");  // both buffers of the pool are there
  const std::size_t before = open_descriptors();
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto producer = DmaBufProducer::create({Fourcc::kBGRA, {64, 64}});
    ASSERT_TRUE(producer) << producer.error().describe();
    producer->draw(i);
    ASSERT_EQ(read(*producer, i), "") << i;
    EXPECT_LE(route().import_count(), 2U);
  }
  ASSERT_EQ(read(*steady, 1), "");  // notices the last one's end
  EXPECT_EQ(route().import_count(), 1U);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(VulkanRoute, NothingStaysOpenWhenTheRouteEnds) {
  const auto producer = DmaBufProducer::create({Fourcc::kBGRA, {64, 64}});
  ASSERT_TRUE(producer) << producer.error().describe();
  producer->draw(1);
  const auto run_once = [&] {
    auto reader = VulkanReader::create(cuda_->context, {});
    ASSERT_TRUE(reader) << reader.error().describe();
    reader_ = std::move(*reader);
    EXPECT_EQ(read(*producer, 1), "");
    reader_.reset();
  };
  run_once();  // libraries keep a few things from their first use
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 5; ++i) run_once();
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(VulkanRoute, ABufferMayChangeItsGeometry) {
  auto producer = DmaBufProducer::create({Fourcc::kBGRx, {200, 100}});
  ASSERT_TRUE(producer) << producer.error().describe();
  producer->draw(1);
  ASSERT_EQ(read(*producer, 1), "");
  producer->picture = {Fourcc::kRGBA, {111, 77}, {111 * 4 + 20}, 40};
  producer->draw(2);
  ASSERT_EQ(read(*producer, 2), "");
  producer->picture = {Fourcc::kBGRx, {200, 100}, {800}, 0};
  producer->draw(3);
  EXPECT_EQ(read(*producer, 3), "");
}

TEST_F(VulkanRoute, APictureThatMovesAboutInItsBufferDoesNotPileUp) {
  auto producer = DmaBufProducer::create({Fourcc::kBGRx, {16, 16}, {64}, 4096});
  ASSERT_TRUE(producer) << producer.error().describe();
  for (std::uint32_t i = 0; i < 500; ++i) {
    producer->picture.offset_bytes = i * 4;
    producer->draw(i);
    ASSERT_EQ(read(*producer, i), "") << i;
  }
  EXPECT_LE(route().import_count(), 64U);
}

TEST_F(VulkanRoute, TenThousandFramesLeaveNothingBehind) {
  // Else the kernel grows the process by making huge pages of its sparse ones.
  ASSERT_EQ(::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
  std::vector<DmaBufProducer> ring;
  for (int i = 0; i < 3; ++i) {
    auto producer = DmaBufProducer::create({Fourcc::kBGRx, {16, 16}});
    ASSERT_TRUE(producer) << producer.error().describe();
    ring.push_back(std::move(*producer));
  }
  std::size_t descriptors = 0;
  std::size_t memory = 0;
  for (std::uint32_t frame = 0; frame < 10'000; ++frame) {
    const DmaBufProducer& producer = ring[frame % ring.size()];
    producer.draw(frame);
    ASSERT_EQ(read(producer, frame), "") << "frame " << frame;
    if (frame == 2000) {
      descriptors = open_descriptors();
      memory = anonymous_bytes();
    }
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_LT(anonymous_bytes(), memory + (4U << 20));
  EXPECT_EQ(route().import_count(), ring.size());
}

TEST_F(VulkanRoute, KeptPicturesStayWhileOthersAreRead) {
  const auto producer = DmaBufProducer::create({Fourcc::kRGBA, {50, 40}});
  ASSERT_TRUE(producer) << producer.error().describe();
  std::vector<cuda::DevicePicture> kept;
  for (std::uint32_t i = 0; i < 8; ++i) {
    producer->draw(i);
    const auto frame = producer->frame();
    ASSERT_TRUE(frame);
    auto picture = reader_->open(*frame);
    ASSERT_TRUE(picture) << picture.error().describe();
    ASSERT_TRUE(cuda_->context->synchronize());  // the producer writes next
    ASSERT_TRUE(reader_->close());
    kept.push_back(std::move(*picture));
  }
  const auto frame = producer->frame();
  const auto refused = reader_->open(*frame);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRetry);
  for (std::uint32_t i = 0; i < kept.size(); ++i) {
    const auto pixels = test::download(*cuda_->context, kept[i]);
    ASSERT_TRUE(pixels) << pixels.error().describe();
    EXPECT_EQ(test::difference(*pixels, Fourcc::kRGBA, Fourcc::kRGBA, {50, 40}, i), "") << i;
  }
  kept.pop_back();
  EXPECT_EQ(read(*producer, 7), "");
}

TEST_F(VulkanRoute, LayoutsThatLeaveTheirMemoryAreRefused) {
  const auto producer = DmaBufProducer::create({Fourcc::kBGRx, test::kLiedAbout});
  ASSERT_TRUE(producer) << producer.error().describe();
  producer->draw(5);
  const std::size_t before = open_descriptors();
  for (const test::Lie& lie : test::kLies) {
    auto frame = producer->frame();
    ASSERT_TRUE(frame);
    lie.tell(*frame, std::get<DmaBufImage>(frame->image));
    const auto picture = reader_->open(*frame);
    ASSERT_FALSE(picture) << lie.what;
    EXPECT_EQ(picture.error().kind, ErrorKind::kFormatRejected)
        << lie.what << ": " << picture.error().describe();
  }
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(read(*producer, 5), "");  // none of them did harm
}

TEST_F(VulkanRoute, MemoryThatIsNoDmabufDoesNoHarm) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(::ftruncate(::fileno(file.get()), 64 * 64 * 4), 0);
  auto memory = DmaBufMemory::create({::fileno(file.get()), -1, -1, -1}, 1);
  ASSERT_TRUE(memory);
  CapturedFrame frame;
  frame.image = DmaBufImage{std::make_shared<const DmaBufMemory>(std::move(*memory)),
                            kModifierLinear,
                            1,
                            {PlaneLayout{0, {256}}}};
  frame.format = Fourcc::kBGRx;
  frame.size = {64, 64};
  const auto picture = reader_->open(frame);
  // Mesa's software drivers take any file that they can map; no harm comes of it.
  if (picture) {
    EXPECT_TRUE(test::download(*cuda_->context, *picture));
    return;
  }
  EXPECT_EQ(picture.error().kind, ErrorKind::kFormatRejected) << picture.error().describe();
}

TEST_F(VulkanRoute, WhicheverCudaCallFailsNothingIsLeftBehind) {
  const std::unique_ptr<void, int (*)(void*)> library(
      ::dlopen(LUMEN_SIM_CUDA_LIBRARY, RTLD_NOW | RTLD_NOLOAD), ::dlclose);
  const sim::Control stand_in(library.get());
  ASSERT_TRUE(stand_in.ok());
  const auto producer = DmaBufProducer::create({Fourcc::kBGRx, {64, 64}});
  const auto other = DmaBufProducer::create({Fourcc::kBGRx, {32, 16}});
  ASSERT_TRUE(producer && other);
  producer->draw(1);
  other->draw(2);
  reader_.reset();
  const std::uint64_t alive = stand_in.live_handles();
  const std::size_t descriptors = open_descriptors();
  unsigned failed = 0;
  for (unsigned call = 1;; ++call) {
    ASSERT_LT(call, 200U);
    SCOPED_TRACE(fmt::format("call {} fails", call));
    stand_in.reset();
    ASSERT_TRUE(stand_in.set_fail(fmt::format("*@{}=2", call).c_str()));
    bool good = false;
    if (auto reader = VulkanReader::create(cuda_->context, {})) {
      reader_ = std::move(*reader);
      good = read(*producer, 1).empty() && read(*other, 2).empty();
      reader_.reset();
    }
    failed += good ? 0 : 1;
    const bool reached = stand_in.calls("*") >= call;
    EXPECT_EQ(stand_in.live_handles(), alive) << stand_in.live_names();
    EXPECT_STREQ(stand_in.violations(), "");
    EXPECT_EQ(open_descriptors(), descriptors);
    if (!reached) break;
  }
  EXPECT_GT(failed, 5U) << "the sweep found too few calls";
}

TEST_F(VulkanRoute, ReadersLiveSideBySideAndDieInAnyOrder) {
  const auto producer = DmaBufProducer::create({Fourcc::kRGBx, {50, 60}});
  ASSERT_TRUE(producer) << producer.error().describe();
  auto second = VulkanReader::create(cuda_->context, {});
  ASSERT_TRUE(second) << second.error().describe();
  producer->draw(9);
  EXPECT_EQ(read(*producer, 9), "");
  reader_.swap(*second);
  EXPECT_EQ(read(*producer, 9), "");
  second->reset();
  producer->draw(10);
  EXPECT_EQ(read(*producer, 10), "");
}

TEST_F(VulkanRoute, AGpuThatVulkanDoesNotHaveIsNamed) {
  cuda::DeviceInfo other = cuda_->context->device();
  other.uuid[3] = static_cast<std::uint8_t>(other.uuid[3] ^ 0xff);
  auto context = cuda::Context::create(cuda_->driver, other);
  ASSERT_TRUE(context) << context.error().describe();
  const auto reader = VulkanReader::create(*context, {});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(reader.error().describe(), testing::HasSubstr(cuda::to_string(other.uuid)));
}

TEST_F(VulkanRoute, AQueueThatTheGpuLacksIsNamed) {
  const auto reader = VulkanReader::create(cuda_->context, {.queue = QueueKind::kTransfer});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(reader.error().describe(), testing::HasSubstr("transfer queue"));
}

TEST(VulkanLoader, AMachineWithoutVulkanIsToldWhatToInstall) {
  const auto driver = load_driver("libvulkan-not-here.so.1");
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(driver.error().describe(), testing::HasSubstr("libvulkan1"));
}

}  // namespace
}  // namespace lumen::vulkan
