// The pointer drawn by the GPU equals the one that the CPU draws, in every format; nothing is left
// behind, and the imported picture is not touched.
#include "zerocopy/cuda/cursor_painter.h"

#include <gtest/gtest.h>

#include "stand_in.h"
#include "support/cursor_pictures.h"
#include "support/test_frames.h"
#include "zerocopy/cpu/cursor_painter.h"
#include "zerocopy/cuda/download.h"
#include "zerocopy/cuda/uploader.h"
#include "zerocopy/cursor_stage.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

constexpr Extent kPaintedSize{62, 38};
constexpr Rect kVisible{0, 0, kPaintedSize};

Cursor cursor_at(std::int32_t x, std::int32_t y, Extent size = {9, 7}) {
  return test::cursor_at(x, y, size);
}
CpuImage noise(Fourcc format) { return test::noise(format, kPaintedSize); }
std::vector<std::uint8_t> bytes_of(const CpuImage& image) {
  return test::bytes_of(image, kPaintedSize);
}

class CudaCursorPainter : public test::StandInTest {
 protected:
  void SetUp() override {
    StandInTest::SetUp();
    auto context = open_context();
    ASSERT_TRUE(context) << context.error().describe();
    context_ = *context;
  }
  void TearDown() override {
    context_.reset();
    StandInTest::TearDown();
  }
  Result<CudaBuffer> upload(const CpuImage& image) {
    auto current = context_->make_current();
    cuda::Uploader uploader(context_);
    return uploader.upload(image, kPaintedSize);
  }
  std::vector<std::uint8_t> download(const CudaBuffer& buffer) {
    auto image = cuda::download(buffer, kPaintedSize);
    EXPECT_TRUE(image) << image.error().describe();
    return image ? bytes_of(*image) : std::vector<std::uint8_t>{};
  }

  std::shared_ptr<const cuda::Context> context_;
};

TEST_F(CudaCursorPainter, EqualsTheCpuRouteInEveryFormat) {
  for (const Fourcc format :
       {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    SCOPED_TRACE(to_string(format));
    const CpuImage image = noise(format);
    auto clean = upload(image);
    ASSERT_TRUE(clean) << clean.error().describe();
    auto painter = cuda::CursorPainter::create(context_);
    ASSERT_TRUE(painter) << painter.error().describe();
    cpu::CursorPainter reference;
    for (const auto& [x, y] : {std::pair{10, 10}, {11, 13}, {-4, -3}, {58, 35}}) {
      const auto overlay = make_overlay(cursor_at(x, y), {kVisible, kPaintedSize, format, {}});
      (*painter)->overlay_changed();
      const auto painted = (*painter)->paint(*clean, kPaintedSize, overlay);
      ASSERT_TRUE(painted) << painted.error().describe();
      const auto expected = reference.paint(image, kPaintedSize, Damage(), overlay);
      EXPECT_EQ(download(*painted), bytes_of(*expected)) << x << ',' << y;
    }
    EXPECT_EQ(download(*clean), bytes_of(image)) << "the picture itself stays clean";
  }
}

// Uploads and kernels of several pictures wait in one stream: each has its own pointer.
TEST_F(CudaCursorPainter, PicturesThatWaitForTheGpuKeepTheirOwnPointer) {
  sim_.set_idle_ms(60'000);
  const CpuImage image = noise(Fourcc::kNV12);
  auto clean = upload(image);
  ASSERT_TRUE(clean);
  auto painter = cuda::CursorPainter::create(context_);
  ASSERT_TRUE(painter);
  std::vector<CudaBuffer> painted;
  std::vector<std::vector<std::uint8_t>> expected;
  cpu::CursorPainter reference;
  for (int i = 0; i < 6; ++i) {
    // The last one is larger than what there is room for.
    const Extent size = i == 5 ? Extent{100, 100} : Extent{9, 7};
    const auto overlay =
        make_overlay(cursor_at(4 * i, 3 * i, size), {kVisible, kPaintedSize, Fourcc::kNV12, {}});
    (*painter)->overlay_changed();
    auto buffer = (*painter)->paint(*clean, kPaintedSize, overlay);
    ASSERT_TRUE(buffer) << buffer.error().describe();
    painted.push_back(std::move(*buffer));
    expected.push_back(bytes_of(*reference.paint(image, kPaintedSize, Damage(), overlay)));
  }
  for (std::size_t i = 0; i < painted.size(); ++i) EXPECT_EQ(download(painted[i]), expected[i]);
}

// Its producer may draw again as soon as nobody holds the picture: the copy is made by then.
TEST_F(CudaCursorPainter, APictureInPlaceIsCopiedBeforeItIsGivenBack) {
  sim_.set_idle_ms(60'000);
  auto current = context_->make_current();
  const cuda::Driver& cuda = context_->driver();
  CUDA_ARRAY3D_DESCRIPTOR description{};
  description.Width = kPaintedSize.width;
  description.Height = kPaintedSize.height;
  description.Format = CU_AD_FORMAT_UNSIGNED_INT8;
  description.NumChannels = 4;
  CUarray array = nullptr;
  ASSERT_EQ(cuda.cuArray3DCreate(&array, &description), CUDA_SUCCESS);
  const std::size_t row = std::size_t{kPaintedSize.width} * 4;
  const auto copy = [&](CUDA_MEMCPY2D region, const std::uint8_t* from, std::uint8_t* to) {
    region.WidthInBytes = row;
    region.Height = kPaintedSize.height;
    (from != nullptr ? region.srcMemoryType : region.dstMemoryType) = CU_MEMORYTYPE_HOST;
    (from != nullptr ? region.srcPitch : region.dstPitch) = row;
    region.srcHost = from;
    region.dstHost = to;
    EXPECT_EQ(cuda.cuMemcpy2DAsync(&region, context_->stream()), CUDA_SUCCESS);
    EXPECT_TRUE(context_->synchronize());
  };
  CUDA_MEMCPY2D into_array{};
  into_array.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  into_array.dstArray = array;
  std::vector<std::uint8_t> pixels(row * kPaintedSize.height);
  std::mt19937 random(1);
  for (auto& byte : pixels) byte = static_cast<std::uint8_t>(random());
  copy(into_array, pixels.data(), nullptr);

  const auto overlay =
      make_overlay(cursor_at(20, 11), {kVisible, kPaintedSize, Fourcc::kBGRx, ColorDescription{}});
  auto painter = cuda::CursorPainter::create(context_);
  ASSERT_TRUE(painter);
  CudaArray clean;
  clean.context = context_;
  clean.format = Fourcc::kBGRx;
  clean.array = array;
  const auto painted = (*painter)->paint(clean, kPaintedSize, overlay);
  ASSERT_TRUE(painted) << painted.error().describe();
  // On another stream, which waits for nothing of ours.
  const std::vector<std::uint8_t> next(pixels.size(), 0xEE);
  CUDA_MEMCPY2D redraw = into_array;
  redraw.srcMemoryType = CU_MEMORYTYPE_HOST;
  redraw.srcHost = next.data();
  redraw.srcPitch = redraw.WidthInBytes = row;
  redraw.Height = kPaintedSize.height;
  EXPECT_EQ(cuda.cuMemcpy2DAsync(&redraw, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(cuda.cuStreamSynchronize(nullptr), CUDA_SUCCESS);

  std::vector<std::uint8_t> expected = pixels;
  for (const OverlayChannel& channel : overlay.channels) {
    for (std::size_t i = 0; i < channel.samples.size(); ++i) {
      const std::size_t x = channel.rect.x + i % channel.rect.size.width;
      const std::size_t y = channel.rect.y + i / channel.rect.size.width;
      std::uint8_t& byte = expected[y * row + x * 4 + channel.offset_bytes];
      byte = static_cast<std::uint8_t>(cuda::blend(byte, channel.samples[i]));
    }
  }
  std::vector<std::uint8_t> result(pixels.size());
  CUDA_MEMCPY2D from_buffer{};
  from_buffer.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  from_buffer.srcDevice = painted->planes[0];
  from_buffer.srcPitch = painted->pitches[0].bytes;
  copy(from_buffer, nullptr, result.data());
  EXPECT_EQ(result, expected);
  EXPECT_EQ(cuda.cuArrayDestroy(array), CUDA_SUCCESS);
}

TEST_F(CudaCursorPainter, TheSteadyStateAllocatesNothingAndUploadsOnlyWhatIsNew) {
  auto clean = upload(noise(Fourcc::kNV12));
  ASSERT_TRUE(clean);
  CursorStage stage;
  stage.shows_part(kVisible);
  stage.show(cursor_at(10, 10));
  Frame frame;
  frame.payload = *clean;
  frame.size = kPaintedSize;
  frame.damage = Damage::nothing();
  const auto paint = [&] {
    auto painted = stage.paint(frame);
    ASSERT_TRUE(painted) << painted.error().describe();
    stage.encoded();
  };
  paint();
  const char* const makers = "cuMemAllocPitch_v2,cuMemFree_v2,cuModuleLoadData";
  const auto made = sim_.calls(makers);
  const auto copies = sim_.calls("cuMemcpy2DAsync_v2");
  for (int i = 0; i < 5; ++i) paint();
  EXPECT_EQ(sim_.calls("cuMemcpy2DAsync_v2") - copies, 5U * 2) << "two planes and no overlay";
  for (int i = 0; i < 5; ++i) {
    stage.show(cursor_at(i, 2));
    paint();
  }
  EXPECT_EQ(sim_.calls(makers), made);
  stage.lose_gpu();
}

class Stage : public testing::Test {
 protected:
  static Frame clean(const Damage& damage) {
    Frame frame;
    frame.payload = noise(Fourcc::kNV12);
    frame.size = kPaintedSize;
    frame.damage = damage;
    return frame;
  }
  void SetUp() override { stage.shows_part(kVisible); }
  CursorStage stage;
};

TEST_F(Stage, WithoutAPointerTheFrameIsHandedOnAsItIs) {
  const Frame frame = clean(Damage::nothing());
  const auto same = stage.paint(frame);
  ASSERT_TRUE(same);
  EXPECT_EQ(std::get<CpuImage>(same->payload).memory, std::get<CpuImage>(frame.payload).memory);
  EXPECT_TRUE(same->damage.empty());
}

TEST_F(Stage, DamageHoldsWhereThePointerWasAndWhereItIs) {
  const Frame frame = clean(Damage::nothing());
  const auto damage_of = [&] {
    auto painted = stage.paint(frame);
    EXPECT_TRUE(painted);
    stage.encoded();
    return painted ? painted->damage : Damage();
  };
  stage.show(cursor_at(10, 10));
  const Damage first = damage_of();
  ASSERT_EQ(first.rects().size(), 1U);
  EXPECT_EQ(first.rects()[0], (Rect{10, 10, {10, 8}}));
  stage.show(cursor_at(31, 20));
  const Damage second = damage_of();
  ASSERT_EQ(second.rects().size(), 2U);
  EXPECT_EQ(second.rects()[0], (Rect{30, 20, {10, 8}}));
  EXPECT_EQ(second.rects()[1], first.rects()[0]);
}

TEST_F(Stage, APointerThatRestsChangesNothing) {
  const Frame frame = clean(Damage::nothing());
  const Cursor cursor = cursor_at(10, 10);
  stage.show(cursor);
  ASSERT_TRUE(stage.paint(frame));
  stage.encoded();
  auto again = stage.paint(frame);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->damage.empty());
  stage.encoded();

  Cursor moved = cursor;
  moved.x = 30;
  stage.show(moved);
  auto there = stage.paint(frame);  // and the encoder doesn't take it
  ASSERT_TRUE(there);
  EXPECT_EQ(there->damage.rects().size(), 2U);
  stage.show({});
  auto hidden = stage.paint(frame);
  ASSERT_TRUE(hidden);
  ASSERT_EQ(hidden->damage.rects().size(), 1U) << "only what the encoder has";
  EXPECT_EQ(hidden->damage.rects()[0], (Rect{10, 10, {10, 8}}));
}

TEST_F(Stage, UnknownDamageStaysUnknown) {
  stage.show(cursor_at(10, 10));
  const auto painted = stage.paint(clean(Damage()));
  ASSERT_TRUE(painted);
  EXPECT_FALSE(painted->damage.known());
}

}  // namespace
}  // namespace lumen
