// Both EGL routes on real dmabufs (udmabuf, dma-heap). Runs in the virtual machine with Mesa's
// llvmpipe as the GPU and, as libcuda.so.1, the CUDA stand-in: what is proven is the import, the
// drawing and the order of calls, not a driver of NVIDIA's.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "capture/dmabuf_memory.h"
#include "lying_layouts.h"
#include "platform/linux/unique_fd.h"
#include "sim/cuda/control.h"
#include "support/cuda_readback.h"
#include "support/picture_pattern.h"
#include "support/udmabuf.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/egl/blit_reader.h"
#include "zerocopy/egl/egl_reader.h"

namespace lumen::egl {
namespace {

constexpr std::array kFormats{Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// Counts registrations in front of the real table.
struct Counts {
  std::atomic<int> registered{0};
  std::atomic<int> unregistered{0};
  const cuda::Driver* real = nullptr;
};
Counts counts;

CUresult CUDAAPI count_egl(CUgraphicsResource* resource, cuda::EglImage image, unsigned flags) {
  ++counts.registered;
  return counts.real->cuGraphicsEGLRegisterImage(resource, image, flags);
}
CUresult CUDAAPI count_gl(CUgraphicsResource* resource, GLuint texture, GLenum target,
                          unsigned flags) {
  ++counts.registered;
  return counts.real->cuGraphicsGLRegisterImage(resource, texture, target, flags);
}
CUresult CUDAAPI count_unregister(CUgraphicsResource resource) {
  ++counts.unregistered;
  return counts.real->cuGraphicsUnregisterResource(resource);
}
CUresult CUDAAPI refuse_egl(CUgraphicsResource*, cuda::EglImage, unsigned) {
  return static_cast<CUresult>(cuda::kErrorInvalidValue);
}
CUresult CUDAAPI die_egl(CUgraphicsResource*, cuda::EglImage, unsigned) {
  return static_cast<CUresult>(cuda::kErrorContextIsDestroyed);
}

enum class Route { kEgl, kBlit };

class EglRoutes : public testing::TestWithParam<Route> {
 protected:
  void SetUp() override {
    if (auto dmabufs = test::TestDmaBuf::available(); !dmabufs) {
      GTEST_SKIP() << dmabufs.error().describe();
    }
    auto real = cuda::load_driver(LUMEN_SIM_CUDA_LIBRARY);
    ASSERT_TRUE(real) << real.error().describe();
    real_ = *real;
    sim_.emplace(::dlopen(LUMEN_SIM_CUDA_LIBRARY, RTLD_NOW | RTLD_NOLOAD));
    ASSERT_TRUE(sim_->ok());
    sim_->reset();
    counts.real = real_.get();
    counts.registered = counts.unregistered = 0;
    driver_ = std::make_shared<cuda::Driver>(*real_);
    driver_->cuGraphicsEGLRegisterImage = count_egl;
    driver_->cuGraphicsGLRegisterImage = count_gl;
    driver_->cuGraphicsUnregisterResource = count_unregister;
    auto devices = cuda::list_devices(*driver_);
    ASSERT_TRUE(devices) << devices.error().describe();
    auto context = cuda::Context::create(driver_, devices->front());
    ASSERT_TRUE(context) << context.error().describe();
    context_ = *context;
    auto current = context_->make_current();
    ASSERT_TRUE(current) << current.error().describe();
    current_.emplace(std::move(*current));
  }

  void TearDown() override {
    if (!sim_) return;
    current_.reset();
    context_.reset();
    EXPECT_STREQ(sim_->violations(), "");
    EXPECT_STREQ(sim_->live_names(), "");
  }

  Result<std::unique_ptr<cuda::PictureReader>> create(Route route) const {
    EglSettings settings;
    settings.device = DeviceKind::kSoftware;
    return route == Route::kEgl ? EglReader::create(context_, settings)
                                : BlitReader::create(context_, settings);
  }
  std::unique_ptr<cuda::PictureReader> make_reader() const {
    auto reader = create(GetParam());
    EXPECT_TRUE(reader) << reader.error().describe();
    return reader ? std::move(*reader) : nullptr;
  }

  /// Empty where the frame reads as pattern `seed`; else what is wrong.
  std::string read(cuda::PictureReader& reader, const CapturedFrame& frame,
                   std::uint32_t seed) const {
    auto picture = reader.open(frame);
    if (!picture) return picture.error().describe();
    auto pixels = test::download(*context_, *picture);
    if (!pixels) return pixels.error().describe();
    if (auto closed = reader.close(); !closed) return closed.error().describe();
    if (picture->size != frame.size) return "another size";
    return test::difference(*pixels, picture->format, frame.format, frame.size, seed);
  }

  std::optional<sim::Control> sim_;
  std::shared_ptr<const cuda::Driver> real_;
  std::shared_ptr<cuda::Driver> driver_;
  std::shared_ptr<cuda::Context> context_;
  std::optional<cuda::Context::Current> current_;
};

INSTANTIATE_TEST_SUITE_P(Vm, EglRoutes, testing::Values(Route::kEgl, Route::kBlit),
                         [](const auto& param) {
                           return param.param == Route::kEgl ? "egl" : "gl_blit";
                         });

/// A producer's buffer with one picture in it.
struct Producer {
  test::TestDmaBuf buffer;
  test::TestPicture picture;
  std::shared_ptr<const DmaBufMemory> memory;

  static std::optional<Producer> create(test::TestPicture picture) {
    if (picture.pitch.bytes == 0) picture.pitch.bytes = picture.size.width * 4;
    auto buffer = test::TestDmaBuf::allocate(test::bytes_needed(picture));
    EXPECT_TRUE(buffer) << buffer.error().describe();
    if (!buffer) return std::nullopt;
    auto memory = DmaBufMemory::create({buffer->fd(), -1, -1, -1}, 1);
    EXPECT_TRUE(memory) << memory.error().describe();
    if (!memory) return std::nullopt;
    return Producer{std::move(*buffer), picture,
                    std::make_shared<const DmaBufMemory>(std::move(*memory))};
  }
  void draw(std::uint32_t seed) const {
    buffer.begin_write();
    test::draw_pattern(buffer.bytes().subspan(picture.offset_bytes), picture.format, picture.size,
                       picture.pitch, seed);
    buffer.end_write();
  }
  [[nodiscard]] CapturedFrame frame() const {
    auto made = test::make_frame(buffer, picture, memory);
    EXPECT_TRUE(made) << made.error().describe();
    return std::move(*made);
  }
};

TEST_P(EglRoutes, EveryFormatSizePitchAndOffsetIsReadExactly) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  struct Shape {
    Extent size;
    std::uint32_t extra_pitch = 0;
    std::uint32_t offset = 0;
  };
  const std::array shapes{Shape{{64, 64}},   Shape{{61, 47}},           Shape{{61, 47}, 12},
                          Shape{{1, 1}},     Shape{{127, 3}, 4, 4},     Shape{{3, 251}, 244, 4096},
                          Shape{{640, 360}}, Shape{{641, 359}, 60, 64}, Shape{{97, 53}, 128, 8200}};
  std::uint32_t seed = 0;
  for (const Fourcc format : kFormats) {
    for (const Shape& shape : shapes) {
      SCOPED_TRACE(fmt::format("{} {}x{} pitch +{} offset {}", to_string(format), shape.size.width,
                               shape.size.height, shape.extra_pitch, shape.offset));
      const auto producer = Producer::create(
          {format, shape.size, {shape.size.width * 4 + shape.extra_pitch}, shape.offset});
      ASSERT_TRUE(producer);
      producer->draw(++seed);
      EXPECT_EQ(read(*reader, producer->frame(), seed), "");
    }
  }
}

TEST_P(EglRoutes, OffersListLinearLastForAllFormats) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  const std::vector<FormatOffer> offers = reader->offers();
  ASSERT_EQ(offers.size(), kFormats.size());
  for (const FormatOffer& offer : offers) {
    ASSERT_FALSE(offer.modifiers.empty());
    EXPECT_EQ(offer.modifiers.back(), kModifierLinear) << to_string(offer.format);
  }
}

TEST_P(EglRoutes, RewrittenBuffersShowTheirNewPicture) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  std::vector<Producer> ring;
  for (int i = 0; i < 4; ++i) {
    auto producer = Producer::create({Fourcc::kBGRx, {123, 45}});
    ASSERT_TRUE(producer);
    ring.push_back(std::move(*producer));
  }
  for (std::uint32_t frame = 0; frame < 40; ++frame) {
    const Producer& producer = ring[frame % ring.size()];
    producer.draw(frame);
    ASSERT_EQ(read(*reader, producer.frame(), frame), "") << "frame " << frame;
  }
  // Once per buffer, or the one target.
  EXPECT_EQ(counts.registered, GetParam() == Route::kEgl ? 4 : 1);
}

TEST_P(EglRoutes, ABufferThatGoesAwayIsForgottenAndItsDescriptorsClosed) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  const auto steady = Producer::create({Fourcc::kBGRA, {64, 64}});
  ASSERT_TRUE(steady);
  steady->draw(1);
  ASSERT_EQ(read(*reader, steady->frame(), 1), "");
  const std::size_t before = open_descriptors();
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto producer = Producer::create({Fourcc::kBGRA, {64, 64}});
    ASSERT_TRUE(producer);
    producer->draw(i);
    ASSERT_EQ(read(*reader, producer->frame(), i), "") << i;
  }
  ASSERT_EQ(read(*reader, steady->frame(), 1), "");  // notices the last one's end
  EXPECT_EQ(open_descriptors(), before);
  if (GetParam() == Route::kEgl) {
    EXPECT_EQ(counts.registered, 21);
    EXPECT_EQ(counts.unregistered, 20);
  }
}

TEST_P(EglRoutes, ABufferMayChangeItsGeometry) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  auto producer = Producer::create({Fourcc::kBGRx, {200, 100}});
  ASSERT_TRUE(producer);
  producer->draw(1);
  ASSERT_EQ(read(*reader, producer->frame(), 1), "");
  producer->picture = {Fourcc::kRGBA, {111, 77}, {111 * 4 + 20}, 40};
  producer->draw(2);
  ASSERT_EQ(read(*reader, producer->frame(), 2), "");
  producer->picture = {Fourcc::kBGRx, {200, 100}, {800}, 0};
  producer->draw(3);
  EXPECT_EQ(read(*reader, producer->frame(), 3), "");
}

TEST_P(EglRoutes, TenThousandFramesLeaveNothingBehind) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  std::vector<Producer> ring;
  for (int i = 0; i < 3; ++i) {
    auto producer = Producer::create({Fourcc::kBGRx, {16, 16}});
    ASSERT_TRUE(producer);
    ring.push_back(std::move(*producer));
  }
  std::size_t descriptors = 0;
  std::size_t memory = 0;
  for (std::uint32_t frame = 0; frame < 10'000; ++frame) {
    const Producer& producer = ring[frame % ring.size()];
    if (frame % 16 == 0) {
      producer.draw(frame);
      ASSERT_EQ(read(*reader, producer.frame(), frame), "") << "frame " << frame;
    } else {
      ASSERT_TRUE(reader->open(producer.frame())) << "frame " << frame;
      ASSERT_TRUE(reader->close());
    }
    if (frame == 1000) {
      descriptors = open_descriptors();
      memory = resident_bytes();
    }
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_LT(resident_bytes(), memory + (4U << 20));
  EXPECT_EQ(counts.registered, GetParam() == Route::kEgl ? 3 : 1);
}

TEST_P(EglRoutes, LayoutsThatLeaveTheirMemoryAreRefused) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  const auto producer = Producer::create({Fourcc::kBGRx, test::kLiedAbout});
  ASSERT_TRUE(producer);
  producer->draw(5);
  for (const test::Lie& lie : test::kLies) {
    CapturedFrame frame = producer->frame();
    lie.tell(frame, std::get<DmaBufImage>(frame.image));
    const auto picture = reader->open(frame);
    ASSERT_FALSE(picture) << lie.what;
    EXPECT_EQ(picture.error().kind, ErrorKind::kFormatRejected)
        << lie.what << ": " << picture.error().describe();
  }
  EXPECT_EQ(read(*reader, producer->frame(), 5), "");  // none of them did harm
}

// Mesa takes any file, and where it can't map it, as here, crashes at the first draw.
TEST_P(EglRoutes, MemoryThatIsNoDmabufIsRefused) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  const UniqueFd file = UniqueFd::take(::open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  ASSERT_EQ(::ftruncate(file.borrow(), 64 * 64 * 4), 0);
  auto memory = DmaBufMemory::create({file.borrow(), -1, -1, -1}, 1);
  ASSERT_TRUE(memory);
  CapturedFrame frame;
  DmaBufImage image{
      std::make_shared<const DmaBufMemory>(std::move(*memory)), kModifierLinear, 1, {}};
  image.planes[0] = {0, {256}};
  frame.image = std::move(image);
  frame.format = Fourcc::kBGRx;
  frame.size = {64, 64};
  const auto picture = reader->open(frame);
  ASSERT_FALSE(picture);
  EXPECT_EQ(picture.error().kind, ErrorKind::kFormatRejected) << picture.error().describe();
}

TEST_P(EglRoutes, TwoReadersLiveSideBySideAndDieInAnyOrder) {
  const auto producer = Producer::create({Fourcc::kRGBx, {50, 60}});
  ASSERT_TRUE(producer);
  producer->draw(9);
  auto first = make_reader();
  auto second = create(GetParam() == Route::kEgl ? Route::kBlit : Route::kEgl);
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(second) << second.error().describe();
  EXPECT_EQ(read(*first, producer->frame(), 9), "");
  EXPECT_EQ(read(**second, producer->frame(), 9), "");
  EXPECT_EQ(read(*first, producer->frame(), 9), "");
  first.reset();
  producer->draw(10);
  EXPECT_EQ(read(**second, producer->frame(), 10), "");
  first = make_reader();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(read(*first, producer->frame(), 10), "");
}

TEST_P(EglRoutes, AFrameThatWasNeverClosedDoesNotBlockTheNext) {
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  const auto producer = Producer::create({Fourcc::kBGRx, {64, 64}});
  ASSERT_TRUE(producer);
  producer->draw(1);
  ASSERT_TRUE(reader->open(producer->frame()));
  EXPECT_EQ(read(*reader, producer->frame(), 1), "");
  ASSERT_TRUE(reader->open(producer->frame()));  // the destructor unmaps
}

TEST_P(EglRoutes, EverythingIsUnregisteredAtTheEnd) {
  const auto producer = Producer::create({Fourcc::kBGRx, {64, 64}});
  ASSERT_TRUE(producer);
  producer->draw(1);
  auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  ASSERT_EQ(read(*reader, producer->frame(), 1), "");
  reader.reset();
  EXPECT_EQ(counts.registered, 1);
  EXPECT_EQ(counts.unregistered, 1);
}

TEST_P(EglRoutes, WhicheverCudaCallFailsNothingIsLeftBehind) {
  const auto producer = Producer::create({Fourcc::kBGRx, {64, 64}});
  const auto other = Producer::create({Fourcc::kBGRx, {32, 16}});
  ASSERT_TRUE(producer && other);
  producer->draw(1);
  other->draw(2);
  const std::uint64_t alive = sim_->live_handles();
  bool reached = true;
  for (int call = 1; reached; ++call) {
    ASSERT_LT(call, 100);
    SCOPED_TRACE(fmt::format("call {} fails", call));
    sim_->reset();
    ASSERT_TRUE(sim_->set_fail(fmt::format("*@{}=2", call).c_str()));
    {
      auto reader = create(GetParam());
      ASSERT_TRUE(reader) << reader.error().describe();  // asks CUDA nothing that can fail
      const bool good =
          read(**reader, producer->frame(), 1).empty() && read(**reader, other->frame(), 2).empty();
      // Out of memory once is no reason to be out of order.
      if (!good) {
        EXPECT_EQ(read(**reader, producer->frame(), 1), "");
      }
    }
    reached = sim_->calls("*") >= static_cast<std::uint64_t>(call);
    EXPECT_EQ(sim_->live_handles(), alive) << sim_->live_names();
    EXPECT_STREQ(sim_->violations(), "");
  }
}

TEST_P(EglRoutes, AGpuThatEglDoesNotHaveIsNamed) {
  EglSettings settings;  // the matching GPU: the CUDA stand-in has none
  const auto reader = GetParam() == Route::kEgl ? EglReader::create(context_, settings)
                                                : BlitReader::create(context_, settings);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(reader.error().describe(), testing::HasSubstr(context_->device().name));
}

class EglRoute : public EglRoutes {};
INSTANTIATE_TEST_SUITE_P(Vm, EglRoute, testing::Values(Route::kEgl),
                         [](const auto&) { return "egl"; });

TEST_P(EglRoute, AnImageThatCudaRefusesIsARejectedFormat) {
  driver_->cuGraphicsEGLRegisterImage = refuse_egl;
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  const auto producer = Producer::create({Fourcc::kBGRx, {64, 64}});
  ASSERT_TRUE(producer);
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 5; ++i) {
    const auto picture = reader->open(producer->frame());
    ASSERT_FALSE(picture);
    EXPECT_EQ(picture.error().kind, ErrorKind::kFormatRejected);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(EglRoute, ADeadContextIsALostDevice) {
  driver_->cuGraphicsEGLRegisterImage = die_egl;
  const auto reader = make_reader();
  ASSERT_NE(reader, nullptr);
  const auto producer = Producer::create({Fourcc::kBGRx, {64, 64}});
  ASSERT_TRUE(producer);
  const auto picture = reader->open(producer->frame());
  ASSERT_FALSE(picture);
  EXPECT_EQ(picture.error().kind, ErrorKind::kDeviceLost);
}

}  // namespace
}  // namespace lumen::egl
