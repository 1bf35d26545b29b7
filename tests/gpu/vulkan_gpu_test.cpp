// The Vulkan route on a real driver. The machine has no dmabufs: memory that a second VkDevice
// exports as opaque descriptors stands in for them, in every layout that the driver has.
#include <array>
#include <chrono>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "support/cuda_readback.h"
#include "support/cuda_session.h"
#include "support/picture_pattern.h"
#include "support/vulkan_producer.h"
#include "zerocopy/vulkan/vulkan_reader.h"
#include "zerocopy/vulkan/watchdog.h"

namespace lumen::vulkan {
namespace {

using namespace std::chrono_literals;
using test::VulkanPicture;
using test::VulkanProducer;

constexpr std::array kFormats{Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA};

struct Mode {
  const char* name;
  QueueKind queue = QueueKind::kAuto;
  std::optional<Ordering> ordering;
  InPlace in_place = InPlace::kNever;
};
void PrintTo(const Mode& mode, std::ostream* out) { *out << mode.name; }
constexpr std::array kModes{
    Mode{"best", QueueKind::kAuto, std::nullopt},
    Mode{"transfer_timeline", QueueKind::kTransfer, Ordering::kTimeline},
    Mode{"transfer_fence", QueueKind::kTransfer, Ordering::kFence},
    Mode{"compute_timeline", QueueKind::kCompute, Ordering::kTimeline},
    Mode{"graphics_timeline", QueueKind::kGraphics, Ordering::kTimeline},
    Mode{"graphics_fence", QueueKind::kGraphics, Ordering::kFence},
};

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

class VulkanGpu : public testing::TestWithParam<Mode> {
 protected:
  /// The loader unloads the driver with the last instance, and NVIDIA 580 can be loaded only some
  /// fifty times in one process (then VK_ERROR_INCOMPATIBLE_DRIVER): one instance stays.
  static void SetUpTestSuite() {
    if (auto driver = load_driver()) {
      if (auto instance = Instance::create(*driver)) instance_ = *instance;
    }
  }
  static void TearDownTestSuite() { instance_.reset(); }
  static inline std::shared_ptr<const Instance> instance_;

  void SetUp() override {
    auto cuda = test::CudaSession::create();
    if (!cuda) GTEST_SKIP() << cuda.error().describe();
    cuda_.emplace(std::move(*cuda));
    auto producer = VulkanProducer::create(cuda_->context->device().uuid);
    if (!producer) GTEST_SKIP() << producer.error().describe();
    producer_.emplace(std::move(*producer));
  }

  static VulkanReaderSettings settings(const Mode& mode) {
    return {.source = SourceMemory::kOpaqueFd,
            .queue = mode.queue,
            .in_place = mode.in_place,
            .ordering = mode.ordering};
  }
  Result<std::unique_ptr<cuda::PictureReader>> create(VulkanReaderSettings settings) const {
    return VulkanReader::create(cuda_->context, std::move(settings));
  }

  /// Empty where the picture reads as it was drawn with `seed`; else what is wrong.
  std::string read(cuda::PictureReader& reader, const VulkanPicture& source,
                   std::uint32_t seed) const {
    const CapturedFrame frame = source.frame();
    const auto picture = reader.open(frame);
    if (!picture) return picture.error().describe();
    const auto pixels = test::download(*cuda_->context, *picture);
    if (!pixels) return pixels.error().describe();
    if (const auto closed = reader.close(); !closed) return closed.error().describe();
    if (picture->size != frame.size) return "another size";
    return test::difference(*pixels, picture->format, frame.format, frame.size, seed);
  }

  std::optional<test::CudaSession> cuda_;
  std::optional<VulkanProducer> producer_;
};

/// The reader of a mode, or a skip where this driver has no such queue or no shared timelines.
#define CREATE_READER_OR_SKIP(reader, ...)                                           \
  auto reader##_result = create(__VA_ARGS__);                                        \
  if (!reader##_result && reader##_result.error().kind == ErrorKind::kUnsupported) { \
    GTEST_SKIP() << reader##_result.error().describe();                              \
  }                                                                                  \
  ASSERT_TRUE(reader##_result) << reader##_result.error().describe();                \
  std::unique_ptr<cuda::PictureReader> reader = std::move(*reader##_result)

INSTANTIATE_TEST_SUITE_P(Gpu, VulkanGpu, testing::ValuesIn(kModes),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(VulkanGpu, LinearPicturesOfEveryShapeAreReadExactly) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  struct Shape {
    Extent size;
    std::uint32_t extra_pitch = 0;
    std::uint32_t offset = 0;
  };
  const std::array shapes{Shape{{64, 64}},
                          Shape{{61, 47}},
                          Shape{{61, 47}, 12},
                          Shape{{1, 1}},
                          Shape{{3, 251}, 244, 4096},
                          Shape{{127, 3}, 4, 4},
                          Shape{{641, 359}, 60, 64},
                          Shape{{1920, 1080}},
                          Shape{{1921, 1081}, 252, 8192}};
  std::uint32_t seed = 0;
  for (const Fourcc format : kFormats) {
    for (const Shape& shape : shapes) {
      SCOPED_TRACE(fmt::format("{} {}x{} pitch +{} offset {}", to_string(format), shape.size.width,
                               shape.size.height, shape.extra_pitch, shape.offset));
      const auto picture = producer_->make_linear(
          format, shape.size, {shape.size.width * 4 + shape.extra_pitch}, shape.offset);
      ASSERT_TRUE(picture) << picture.error().describe();
      ASSERT_TRUE((*picture)->draw(++seed));
      EXPECT_EQ(read(*reader, **picture, seed), "");
    }
  }
}

TEST_P(VulkanGpu, EveryTiledLayoutIsReadExactly) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  constexpr std::array kSizes{Extent{64, 64}, Extent{61, 47},   Extent{1, 1},
                              Extent{257, 3}, Extent{641, 359}, Extent{1920, 1080}};
  unsigned layouts = 0;
  std::uint32_t seed = 100;
  for (const FormatOffer& offer : reader->offers()) {
    for (const Modifier modifier : offer.modifiers) {
      if (modifier == kModifierLinear) continue;
      ++layouts;
      for (const Extent size : kSizes) {
        SCOPED_TRACE(fmt::format("{} {} {}x{}", to_string(offer.format), to_string(modifier),
                                 size.width, size.height));
        const auto picture = producer_->make_tiled(offer.format, modifier, size);
        ASSERT_TRUE(picture) << picture.error().describe();
        ASSERT_TRUE((*picture)->draw(++seed));
        EXPECT_EQ(read(*reader, **picture, seed), "");
      }
    }
  }
  if (layouts == 0) GTEST_SKIP() << "the driver imports no tiled layout";
}

TEST_P(VulkanGpu, VeryLargePicturesAreReadExactly) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  for (const Extent size : {Extent{3840, 2160}, Extent{7680, 4320}}) {
    SCOPED_TRACE(size.width);
    const auto linear = producer_->make_linear(Fourcc::kBGRx, size);
    ASSERT_TRUE(linear) << linear.error().describe();
    ASSERT_TRUE((*linear)->draw(7));
    EXPECT_EQ(read(*reader, **linear, 7), "");
    const Modifier best = reader->offers().front().modifiers.front();
    if (best == kModifierLinear) continue;
    const auto tiled = producer_->make_tiled(Fourcc::kBGRx, best, size);
    ASSERT_TRUE(tiled) << tiled.error().describe();
    ASSERT_TRUE((*tiled)->draw(8));
    EXPECT_EQ(read(*reader, **tiled, 8), "");
  }
}

TEST_P(VulkanGpu, RewrittenBuffersShowTheirNewPicture) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  std::vector<std::unique_ptr<VulkanPicture>> ring;
  for (int i = 0; i < 4; ++i) {
    auto picture = producer_->make_linear(Fourcc::kBGRA, {321, 123});
    ASSERT_TRUE(picture) << picture.error().describe();
    ring.push_back(std::move(*picture));
  }
  for (std::uint32_t frame = 0; frame < 64; ++frame) {
    VulkanPicture& picture = *ring[frame % ring.size()];
    ASSERT_TRUE(picture.draw(frame));
    ASSERT_EQ(read(*reader, picture, frame), "") << "frame " << frame;
  }
  EXPECT_EQ(static_cast<const VulkanReader&>(*reader).import_count(), ring.size());
}

TEST_P(VulkanGpu, AFloodOfFramesKeepsItsOrder) {
  // Nothing waits on the CPU: each picture is copied to a place of its own as soon as it is open,
  // and two buffers in turn carry all of them.
  VulkanReaderSettings flood = settings(GetParam());
  flood.pool_limit = 2;
  CREATE_READER_OR_SKIP(reader, flood);
  constexpr Extent kSize{1280, 720};
  std::vector<std::unique_ptr<VulkanPicture>> sources;
  std::vector<test::DeviceBuffer> targets;
  for (std::uint32_t i = 0; i < 12; ++i) {
    auto picture = producer_->make_linear(Fourcc::kBGRA, kSize);
    ASSERT_TRUE(picture) << picture.error().describe();
    ASSERT_TRUE((*picture)->draw(i));
    sources.push_back(std::move(*picture));
    auto target = test::DeviceBuffer::create(*cuda_->context, kSize);
    ASSERT_TRUE(target) << target.error().describe();
    targets.push_back(std::move(*target));
  }
  const auto delay = test::DeviceBuffer::create(*cuda_->context, kSize);
  ASSERT_TRUE(delay) << delay.error().describe();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto picture = reader->open(sources[i]->frame());
    ASSERT_TRUE(picture) << picture.error().describe();
    // The reading that matters comes late, when the next copies have been asked for.
    for (int copy = 0; copy < 6; ++copy) {
      ASSERT_TRUE(test::copy_to(*cuda_->context, *picture, *delay));
    }
    ASSERT_TRUE(test::copy_to(*cuda_->context, *picture, targets[i]));
    ASSERT_TRUE(reader->close());
  }
  for (std::uint32_t i = 0; i < targets.size(); ++i) {
    const cuda::DevicePicture copy{.address = targets[i].address(),
                                   .pitch = {static_cast<std::uint32_t>(targets[i].pitch())},
                                   .format = Fourcc::kBGRA,
                                   .size = kSize};
    const auto pixels = test::download(*cuda_->context, copy);
    ASSERT_TRUE(pixels) << pixels.error().describe();
    EXPECT_EQ(test::difference(*pixels, Fourcc::kBGRA, Fourcc::kBGRA, kSize, i), "") << i;
  }
}

TEST_P(VulkanGpu, TenThousandFramesLeaveNothingBehind) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  constexpr Extent kSize{320, 180};
  const cuda::Driver& driver = *cuda_->driver;
  const auto target = test::DeviceBuffer::create(*cuda_->context, kSize);
  ASSERT_TRUE(target);
  std::vector<std::unique_ptr<VulkanPicture>> ring;
  for (std::uint32_t i = 0; i < 4; ++i) {
    auto picture = producer_->make_linear(Fourcc::kBGRx, kSize);
    ASSERT_TRUE(picture) << picture.error().describe();
    ASSERT_TRUE((*picture)->draw(i));
    ring.push_back(std::move(*picture));
  }
  std::size_t free_before = 0;
  std::size_t total = 0;
  std::size_t descriptors = 0;
  for (std::uint32_t frame = 0; frame < 10'000; ++frame) {
    const auto picture = reader->open(ring[frame % ring.size()]->frame());
    ASSERT_TRUE(picture) << frame << ": " << picture.error().describe();
    ASSERT_TRUE(test::copy_to(*cuda_->context, *picture, *target));
    ASSERT_TRUE(reader->close());
    if (frame == 1000) {
      ASSERT_TRUE(cuda_->context->synchronize());
      driver.cuMemGetInfo(&free_before, &total);
      descriptors = open_descriptors();
    }
  }
  ASSERT_TRUE(cuda_->context->synchronize());
  std::size_t free_after = 0;
  driver.cuMemGetInfo(&free_after, &total);
  EXPECT_GE(free_after + (1U << 20), free_before);
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(read(*reader, *ring[2], 2), "");
}

TEST_P(VulkanGpu, BuffersThatGoAwayAreForgotten) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  const auto steady = producer_->make_linear(Fourcc::kBGRx, {64, 64});
  ASSERT_TRUE(steady) << steady.error().describe();
  ASSERT_TRUE((*steady)->draw(1));
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto picture = producer_->make_linear(Fourcc::kBGRx, {64, 64});
    ASSERT_TRUE(picture) << picture.error().describe();
    ASSERT_TRUE((*picture)->draw(i));
    ASSERT_EQ(read(*reader, **picture, i), "") << i;
  }
  ASSERT_EQ(read(*reader, **steady, 1), "");
  EXPECT_EQ(static_cast<const VulkanReader&>(*reader).import_count(), 1U);
}

TEST_P(VulkanGpu, KeptPicturesStayAndTheirNumberIsBounded) {
  VulkanReaderSettings few = settings(GetParam());
  few.in_place = InPlace::kNever;
  few.pool_limit = 3;
  CREATE_READER_OR_SKIP(reader, few);
  const auto source = producer_->make_linear(Fourcc::kRGBA, {200, 100});
  ASSERT_TRUE(source) << source.error().describe();
  std::vector<cuda::DevicePicture> kept;
  for (std::uint32_t i = 0; i < few.pool_limit; ++i) {
    ASSERT_TRUE((*source)->draw(i));
    auto picture = reader->open((*source)->frame());
    ASSERT_TRUE(picture) << picture.error().describe();
    ASSERT_NE(picture->keep, nullptr);
    ASSERT_TRUE(cuda_->context->synchronize());  // the producer writes next
    ASSERT_TRUE(reader->close());
    kept.push_back(std::move(*picture));
  }
  const auto refused = reader->open((*source)->frame());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRetry);
  for (std::uint32_t i = 0; i < kept.size(); ++i) {
    const auto pixels = test::download(*cuda_->context, kept[i]);
    ASSERT_TRUE(pixels);
    EXPECT_EQ(test::difference(*pixels, Fourcc::kRGBA, Fourcc::kRGBA, {200, 100}, i), "");
  }
  kept[1] = {};
  EXPECT_EQ(read(*reader, **source, few.pool_limit - 1), "");
  reader.reset();  // what is still kept outlives the route
  const auto pixels = test::download(*cuda_->context, kept[0]);
  ASSERT_TRUE(pixels);
  EXPECT_EQ(test::difference(*pixels, Fourcc::kRGBA, Fourcc::kRGBA, {200, 100}, 0), "");
}

class VulkanDevice : public VulkanGpu {};
INSTANTIATE_TEST_SUITE_P(Gpu, VulkanDevice, testing::Values(kModes[0]),
                         [](const auto&) { return "gpu"; });

TEST_P(VulkanDevice, PrefersAQueueThatOnlyCopies) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  CREATE_READER_OR_SKIP(transfer,
                        {.source = SourceMemory::kOpaqueFd, .queue = QueueKind::kTransfer});
  EXPECT_EQ(static_cast<const VulkanReader&>(*reader).queue_kind(), QueueKind::kTransfer);
}

TEST_P(VulkanDevice, OffersUncompressedTilesFirstAndLinearLast) {
  CREATE_READER_OR_SKIP(reader, settings(GetParam()));
  const std::vector<FormatOffer> offers = reader->offers();
  ASSERT_EQ(offers.size(), 2 * kFormats.size()) << "each order with eight bits, and with ten";
  for (const FormatOffer& offer : offers) {
    EXPECT_EQ(bit_depth(offer.format), &offer < &offers[kFormats.size()] ? 8U : 10U);
    SCOPED_TRACE(to_string(offer.format));
    EXPECT_EQ(offer.modifiers.back(), kModifierLinear);
    const auto compressed = [](Modifier m) { return (m.value >> 23 & 7) != 0; };
    for (std::size_t i = 1; i + 1 < offer.modifiers.size(); ++i) {
      EXPECT_LE(compressed(offer.modifiers[i - 1]), compressed(offer.modifiers[i]));
    }
  }
}

// NVIDIA 580 says that imported OPAQUE_FD memory can be exported again, and CUDA then reads zeros.
// No expectation: the start-up self-test decides on each machine. This prints what it would see.
TEST_P(VulkanDevice, ReadingInPlaceIsProvenNotBelieved) {
  auto settings_in_place = settings(GetParam());
  settings_in_place.in_place = InPlace::kAuto;
  auto reader = create(settings_in_place);
  ASSERT_TRUE(reader) << reader.error().describe();
  auto picture = producer_->make_linear(Fourcc::kBGRx, {64, 64});
  ASSERT_TRUE(picture) << picture.error().describe();
  ASSERT_TRUE((*picture)->draw(1));
  const bool in_place = static_cast<const VulkanReader&>(**reader).reads_in_place();
  const std::string wrong = read(**reader, **picture, 1);
  std::printf("rate in place: %s\n", !in_place       ? "not offered by the driver"
                                     : wrong.empty() ? "right"
                                                     : wrong.c_str());
}

TEST_P(VulkanDevice, WithoutDmabufSupportTheCauseIsNamed) {
  auto reader = create({});
  if (reader) GTEST_SKIP() << "this machine's Vulkan takes dmabufs";
  EXPECT_EQ(reader.error().kind, ErrorKind::kUnsupported);
  EXPECT_NE(reader.error().describe().find("nvidia-drm"), std::string::npos)
      << reader.error().describe();
}

TEST_P(VulkanDevice, TheWatchdogFreesCudaFromACopyThatNeverEnds) {
  auto driver = load_driver();
  ASSERT_TRUE(driver) << driver.error().describe();
  auto instance = Instance::create(*driver);
  ASSERT_TRUE(instance) << instance.error().describe();
  auto device =
      Device::create(*instance, cuda_->context->device().uuid, {.source = SourceMemory::kOpaqueFd});
  ASSERT_TRUE(device) << device.error().describe();
  auto timeline = Timeline::create(*device, cuda_->context);
  if (!timeline) GTEST_SKIP() << timeline.error().describe();
  Watchdog watchdog(**timeline, 300ms);
  watchdog.expect(3);
  ASSERT_TRUE((*timeline)->signal_from_host(3));  // done in time: nothing happens
  ASSERT_TRUE((*timeline)->wait_on_stream(2));
  ASSERT_TRUE(cuda_->context->synchronize());
  EXPECT_FALSE(watchdog.tripped());

  // A producer that takes its time; an eventfd is readable once it is written, as a sync_file is
  // once it is signalled.
  UniqueFd drawn = UniqueFd::take(::eventfd(0, EFD_CLOEXEC));
  auto writes = duplicate(drawn.borrow());
  ASSERT_TRUE(writes);
  watchdog.expect(5, std::move(*writes));
  std::this_thread::sleep_for(900ms);
  EXPECT_FALSE(watchdog.tripped());
  ASSERT_EQ(::eventfd_write(drawn.borrow(), 1), 0);
  ASSERT_TRUE((*timeline)->signal_from_host(5));

  const auto start = std::chrono::steady_clock::now();
  watchdog.expect(7);
  ASSERT_TRUE((*timeline)->wait_on_stream(6));
  ASSERT_TRUE(cuda_->context->synchronize());  // would never return
  EXPECT_TRUE(watchdog.tripped());
  EXPECT_GE(std::chrono::steady_clock::now() - start, 250ms);
}

}  // namespace
}  // namespace lumen::vulkan
