#include "zerocopy/cpu/cpu_importer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_dmabuf.h"
#include "fake_memory.h"
#include "fake_timeline.h"
#include "yuv_buffer.h"

namespace lumen::cpu {
namespace {

using test::copy_of;
using test::FakeMemory;
using test::FakeReturn;
using test::shm_frame;
using test::SyncRecorder;
using test::YuvBuffer;
using testing::ElementsAre;

constexpr ColorDescription kBt601Full{.matrix = ColorMatrix::kBt601, .range = ColorRange::kFull};

/// A picture of grey levels: pixel (x, y) is grey x + 2 y + 10, so that full range luma shows where
/// each pixel came from.
std::uint8_t level(std::uint32_t x, std::uint32_t y) {
  return static_cast<std::uint8_t>(x + 2 * y + 10);
}

std::vector<std::uint8_t> grey_rgb(Extent size, std::uint32_t pitch, std::uint32_t offset = 0) {
  std::vector<std::uint8_t> bytes(offset + std::size_t{pitch} * size.height, 0xee);
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) {
      std::memset(bytes.data() + offset + std::size_t{y} * pitch + 4 * x, level(x, y), 3);
    }
  }
  return bytes;
}

/// Luma as above; Cb and Cr tell the block's column and row.
std::vector<std::uint8_t> numbered_nv12(Extent size, std::uint32_t pitch) {
  std::vector<std::uint8_t> bytes(std::size_t{pitch} * (size.height + (size.height + 1) / 2), 0xee);
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) {
      bytes[std::size_t{y} * pitch + x] = level(x, y);
    }
  }
  for (std::uint32_t y = 0; y < (size.height + 1) / 2; ++y) {
    for (std::uint32_t x = 0; x < (size.width + 1) / 2; ++x) {
      const std::size_t pair = std::size_t{size.height + y} * pitch + 2 * x;
      bytes[pair] = static_cast<std::uint8_t>(100 + x);
      bytes[pair + 1] = static_cast<std::uint8_t>(200 + y);
    }
  }
  return bytes;
}

class CpuImporterTest : public testing::Test {
 protected:
  void configure(Extent size, Fourcc format = Fourcc::kNV12) {
    ASSERT_TRUE(importer_->configure({.size = size, .format = format, .color = kBt601Full}));
  }
  static YuvBuffer picture_of(const Frame& frame) {
    const CpuImage& image = std::get<CpuImage>(frame.payload);
    return copy_of(TargetPicture{image.format, frame.size, image.planes, image.pitches}.readable());
  }
  static ErrorKind kind_of(const Result<Frame>& frame) {
    return frame ? ErrorKind::kInvalidArgument : frame.error().kind;
  }
  CapturedFrame leased(CapturedFrame frame) {
    frame.lease = BufferLease(std::make_shared<FakeReturn>(&events_), 5);
    return frame;
  }

  std::vector<std::string> events_;
  SyncRecorder sync_;
  std::unique_ptr<FrameImporter> importer_ =
      CpuImporter::make({.pool_images = 2, .dmabuf_sync = sync_.function()});
};

TEST_F(CpuImporterTest, OffersHostMemoryBeforeLinearDmabufs) {
  const auto offers = importer_->offers();
  ASSERT_EQ(offers.size(), 20u);
  EXPECT_EQ(offers[0], (FormatOffer{Fourcc::kBGRx, {}}));
  EXPECT_EQ(offers[4], (FormatOffer{Fourcc::kNV12, {}}));
  EXPECT_EQ(offers[5], (FormatOffer{Fourcc::kXR30, {}}));
  EXPECT_EQ(offers[10], (FormatOffer{Fourcc::kBGRx, {kModifierLinear}}));
  EXPECT_EQ(offers[14], (FormatOffer{Fourcc::kNV12, {kModifierLinear}}));
}

TEST_F(CpuImporterTest, TakesEveryOrderOfTenBits) {
  const Extent size{70, 20};
  configure(size);
  for (const Fourcc format : {Fourcc::kXR30, Fourcc::kAR30, Fourcc::kXB30, Fourcc::kAB30}) {
    std::vector<std::uint8_t> bytes(std::size_t{300} * 20, 0);
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      bytes[i] = 0xff;  // the lowest ten bits
      bytes[i + 1] = 0x03;
    }
    const auto frame =
        importer_->import(shm_frame(format, size, 300, std::make_shared<FakeMemory>(bytes)));
    ASSERT_TRUE(frame) << to_string(format);
    const bool blue = format == Fourcc::kXR30 || format == Fourcc::kAR30;
    EXPECT_NEAR(picture_of(*frame).y(69, 19), blue ? 29 : 76, 1);  // BT.601: 0.114, 0.299
  }
}

TEST_F(CpuImporterTest, ConvertsEveryRgbOrderAndKeepsTheTimes) {
  const Extent size{70, 20};
  configure(size);
  for (const Fourcc format : {Fourcc::kBGRx, Fourcc::kBGRA, Fourcc::kRGBx, Fourcc::kRGBA}) {
    // A pure blue pixel in BGR order is a pure red one in RGB order.
    std::vector<std::uint8_t> bytes(std::size_t{300} * 20, 0);
    for (std::size_t i = 0; i < bytes.size(); i += 4) bytes[i] = 255;
    auto captured = shm_frame(format, size, 300, std::make_shared<FakeMemory>(bytes));
    const Timestamp produced = captured.times[Stage::kProduced];
    const auto frame = importer_->import(std::move(captured));
    ASSERT_TRUE(frame);
    const bool blue = format == Fourcc::kBGRx || format == Fourcc::kBGRA;
    EXPECT_NEAR(picture_of(*frame).y(69, 19), blue ? 29 : 76, 1);  // BT.601: 0.114, 0.299
    EXPECT_EQ(frame->size, size);
    EXPECT_EQ(frame->color, kBt601Full);
    EXPECT_EQ(frame->times.id, 77u);
    EXPECT_EQ(frame->times[Stage::kProduced], produced);
    EXPECT_TRUE(frame->times.has(Stage::kConvertBegin));
    EXPECT_LE(frame->times[Stage::kConvertBegin], frame->times[Stage::kConverted]);
    EXPECT_EQ(importer_->route(), "cpu/shm");
  }
}

TEST_F(CpuImporterTest, TakesNv12WithTheColoursItHas) {
  const Extent size{70, 20};
  for (const Fourcc target : {Fourcc::kNV12, Fourcc::kI420}) {
    configure(size, target);
    auto captured =
        shm_frame(Fourcc::kNV12, size, 96, std::make_shared<FakeMemory>(numbered_nv12(size, 96)));
    captured.color = {.matrix = ColorMatrix::kBt2020Ncl};
    const auto frame = importer_->import(std::move(captured));
    ASSERT_TRUE(frame);
    EXPECT_EQ(std::get<CpuImage>(frame->payload).format, target);
    EXPECT_EQ(frame->color.matrix, ColorMatrix::kBt2020Ncl);
    const YuvBuffer picture = picture_of(*frame);
    EXPECT_EQ(picture.y(69, 19), level(69, 19));
    EXPECT_EQ(picture.cb(69, 19), 134);
    EXPECT_EQ(picture.cr(69, 19), 209);
  }
}

TEST_F(CpuImporterTest, ShowsOnlyTheCrop) {
  configure({32, 8});
  auto rgb = shm_frame(Fourcc::kBGRx, {70, 20}, 280,
                       std::make_shared<FakeMemory>(grey_rgb({70, 20}, 280)));
  rgb.crop = {5, 3, {31, 7}};  // odd everything: the target has one more
  const auto from_rgb = importer_->import(std::move(rgb));
  ASSERT_TRUE(from_rgb);
  EXPECT_EQ(picture_of(*from_rgb).y(0, 0), level(5, 3));
  EXPECT_EQ(picture_of(*from_rgb).y(30, 6), level(35, 9));
  EXPECT_EQ(picture_of(*from_rgb).y(31, 7), level(35, 9));

  auto nv12 = shm_frame(Fourcc::kNV12, {70, 20}, 70,
                        std::make_shared<FakeMemory>(numbered_nv12({70, 20}, 70)));
  nv12.crop = {5, 3, {32, 8}};  // begins at 4, 2
  const auto from_nv12 = importer_->import(std::move(nv12));
  ASSERT_TRUE(from_nv12);
  EXPECT_EQ(picture_of(*from_nv12).y(0, 0), level(4, 2));
  EXPECT_EQ(picture_of(*from_nv12).cb(0, 0), 102);
  EXPECT_EQ(picture_of(*from_nv12).cr(0, 0), 201);
}

TEST_F(CpuImporterTest, GivesTheBufferBackOnceAfterReading) {
  const Extent size{64, 16};
  configure(size);
  const auto memory = std::make_shared<FakeMemory>(grey_rgb(size, 256), &events_);
  ASSERT_TRUE(importer_->import(leased(shm_frame(Fourcc::kBGRx, size, 256, memory))));
  EXPECT_THAT(events_, ElementsAre("read", "end read", "give back 5"));
  events_.clear();
  configure({32, 32});
  ASSERT_TRUE(importer_->import(leased(shm_frame(Fourcc::kBGRx, size, 256, memory))));
  EXPECT_THAT(events_, ElementsAre("read", "end read", "give back 5"));
}

TEST_F(CpuImporterTest, ScalesIntoTheTargetBetweenBars) {
  configure({64, 64});
  const Extent size{128, 64};
  const auto frame = importer_->import(
      shm_frame(Fourcc::kBGRx, size, 512, std::make_shared<FakeMemory>(grey_rgb(size, 512))));
  ASSERT_TRUE(frame);
  EXPECT_EQ(importer_->route(), "cpu/shm scaled");
  EXPECT_EQ(frame->size, (Extent{64, 64}));
  const YuvBuffer picture = picture_of(*frame);
  EXPECT_EQ(picture.y(32, 15), 0);  // full range black
  EXPECT_EQ(picture.y(32, 48), 0);
  EXPECT_EQ(picture.cb(0, 0), 128);
  EXPECT_NEAR(picture.y(10, 26), level(20, 20) + 1.5, 2);
}

TEST_F(CpuImporterTest, RevokedMemoryAsksToSkipTheFrame) {
  const Extent size{64, 16};
  configure(size);
  const auto memory = std::make_shared<FakeMemory>(grey_rgb(size, 256), &events_);
  memory->revoked = true;
  EXPECT_EQ(kind_of(importer_->import(leased(shm_frame(Fourcc::kBGRx, size, 256, memory)))),
            ErrorKind::kRetry);
  EXPECT_THAT(events_, ElementsAre("give back 5"));
}

TEST_F(CpuImporterTest, NothingOutsideTheMemoryIsRead) {
  const Extent size{64, 16};
  configure(size);
  const auto import_with = [&](auto change) {
    auto frame = shm_frame(Fourcc::kNV12, size, 64,
                           std::make_shared<FakeMemory>(numbered_nv12(size, 64), &events_));
    change(frame, std::get<ShmImage>(frame.image));
    events_.clear();
    const auto result = importer_->import(leased(std::move(frame)));
    EXPECT_EQ(events_.back(), "give back 5");
    EXPECT_EQ(std::ranges::count(events_, "give back 5"), 1);
    EXPECT_EQ(std::ranges::count(events_, "read"), std::ranges::count(events_, "end read"));
    return result;
  };
  EXPECT_TRUE(import_with([](CapturedFrame&, ShmImage&) {}));
  const auto retry = [&](auto change) { return kind_of(import_with(change)) == ErrorKind::kRetry; };
  EXPECT_TRUE(retry([](CapturedFrame&, ShmImage& i) { i.planes[1].offset_bytes += 1; }));
  EXPECT_TRUE(retry([](CapturedFrame&, ShmImage& i) { i.planes[0].pitch = Pitch{63}; }));
  EXPECT_TRUE(retry([](CapturedFrame&, ShmImage& i) { i.planes[1].pitch = Pitch{0}; }));
  EXPECT_TRUE(retry([](CapturedFrame&, ShmImage& i) { i.planes[0].pitch = Pitch{0xffffffff}; }));
  // 15 of these pitches are 2^32 + 14 bytes: small, if somebody counted in 32 bits.
  EXPECT_TRUE(retry([](CapturedFrame&, ShmImage& i) { i.planes[0].pitch = Pitch{286331154}; }));
  EXPECT_TRUE(retry([](CapturedFrame&, ShmImage& i) { i.planes[0].offset_bytes = 0xffffffff; }));
  EXPECT_TRUE(retry([](CapturedFrame& f, ShmImage&) { f.size.height = 18; }));
  EXPECT_TRUE(retry([](CapturedFrame& f, ShmImage&) { f.size = {}; }));
  EXPECT_TRUE(retry([](CapturedFrame& f, ShmImage&) { f.size = {0xffffffff, 0xffffffff}; }));
  EXPECT_TRUE(retry([](CapturedFrame& f, ShmImage&) { f.crop.x = 1; }));
  EXPECT_TRUE(retry([](CapturedFrame& f, ShmImage&) { f.crop.y = 0xffffffff; }));
  EXPECT_TRUE(retry([](CapturedFrame& f, ShmImage&) { f.crop.size.width = 0; }));
  EXPECT_TRUE(retry([](CapturedFrame&, ShmImage& i) { i.memory = nullptr; }));
}

TEST_F(CpuImporterTest, RejectsFormatsThatItNeverOffered) {
  const Extent size{64, 16};
  configure(size);
  const auto memory = std::make_shared<FakeMemory>(grey_rgb(size, 256));
  for (const Fourcc format : {Fourcc::kNone, Fourcc::kI420, static_cast<Fourcc>(0x30335852)}) {
    EXPECT_EQ(kind_of(importer_->import(shm_frame(format, size, 256, memory))),
              ErrorKind::kFormatRejected);
  }
}

TEST_F(CpuImporterTest, SkipsFramesWhileEveryImageIsInUse) {
  const Extent size{64, 16};
  configure(size);
  const auto import_one = [&] {
    return importer_->import(leased(
        shm_frame(Fourcc::kBGRx, size, 256, std::make_shared<FakeMemory>(grey_rgb(size, 256)))));
  };
  auto first = import_one();
  const auto second = import_one();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(kind_of(import_one()), ErrorKind::kRetry);
  EXPECT_EQ(events_.size(), 3u);  // the skipped frame's buffer went back too
  *first = Frame{};
  EXPECT_TRUE(import_one());
  // A new size starts anew, while old images stay readable.
  configure({32, 16});
  EXPECT_TRUE(import_one());
  EXPECT_EQ(picture_of(*second).y(63, 15), level(63, 15));
}

TEST_F(CpuImporterTest, NeedsATarget) {
  EXPECT_FALSE(importer_->import(shm_frame(Fourcc::kBGRx, {2, 2}, 8, nullptr)));
  EXPECT_FALSE(importer_->configure({{63, 16}, Fourcc::kNV12, {}}));
  EXPECT_FALSE(importer_->configure({{64, 16}, Fourcc::kNone, {}}));
}

TEST_F(CpuImporterTest, MakesTheWantedYuvAndWhatStandsForRgb) {
  const Extent size{64, 16};
  for (const Fourcc format :
       {Fourcc::kNV12, Fourcc::kI420, Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    for (const ImportTarget& target :
         {ImportTarget{.size = size, .format = format, .color = kBt601Full},
          ImportTarget{.size = size,
                       .format = Fourcc::kBGRx,
                       .converted = format,
                       .memory = FrameMemory::kCuda,
                       .in_place = true,
                       .color = kBt601Full}}) {
      ASSERT_TRUE(importer_->configure(target));
      const auto frame = importer_->import(
          shm_frame(Fourcc::kBGRx, size, 256, std::make_shared<FakeMemory>(grey_rgb(size, 256))));
      ASSERT_TRUE(frame);
      EXPECT_EQ(std::get<CpuImage>(frame->payload).format, format);
      const YuvBuffer picture = picture_of(*frame);
      const int levels = is_ten_bit(format) ? 1023 : 255;
      EXPECT_NEAR(picture.y(63, 15), level(63, 15) * levels / 255.0, 0.51);
      EXPECT_EQ(picture.cb(63, 15), (levels + 1) / 2);
      EXPECT_EQ(picture.cr(63, 15), (levels + 1) / 2);
    }
  }
}

TEST_F(CpuImporterTest, CropsScalesAndFramesEveryFormat) {
  for (const Fourcc format : {Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    SCOPED_TRACE(to_string(format));
    const int scale = is_ten_bit(format) ? 4 : 1;
    configure({64, 64}, format);
    auto rgb = shm_frame(Fourcc::kBGRx, {130, 70}, 520,
                         std::make_shared<FakeMemory>(grey_rgb({130, 70}, 520)));
    rgb.crop = {2, 6, {128, 64}};  // twice as large as the inner 64x32
    const auto frame = importer_->import(std::move(rgb));
    ASSERT_TRUE(frame) << frame.error().describe();
    const YuvBuffer picture = picture_of(*frame);
    EXPECT_EQ(picture.y(32, 15), 0);
    EXPECT_EQ(picture.y(32, 48), 0);
    EXPECT_EQ(picture.cb(0, 15), 128 * scale);
    EXPECT_EQ(picture.cr(63, 63), 128 * scale);
    EXPECT_EQ(picture.cb(20, 20), 128 * scale);
    // Pixel 10, 4 of the inner part is the mean of 22 … 23, 14 … 15.
    EXPECT_NEAR(picture.y(10, 20), (level(22, 14) + 1.5) * scale, 1.5 * scale);
  }
}

TEST_F(CpuImporterTest, Nv12BecomesFullChromaAndTenBits) {
  const Extent size{70, 20};
  for (const Fourcc target : {Fourcc::kI444, Fourcc::kP010, Fourcc::kQ410}) {
    SCOPED_TRACE(to_string(target));
    const int scale = is_ten_bit(target) ? 4 : 1;
    configure(size, target);
    const auto frame = importer_->import(
        shm_frame(Fourcc::kNV12, size, 96, std::make_shared<FakeMemory>(numbered_nv12(size, 96))));
    ASSERT_TRUE(frame);
    const YuvBuffer picture = picture_of(*frame);
    EXPECT_EQ(picture.y(69, 19), level(69, 19) * scale);
    EXPECT_EQ(picture.cb(69, 18), 134 * scale);
    EXPECT_EQ(picture.cr(68, 19), 209 * scale);
  }
}

TEST_F(CpuImporterTest, LightIsTheSourcesMatrixAndRangeAreOurs) {
  const Extent size{64, 16};
  configure(size);
  auto rgb = shm_frame(Fourcc::kBGRx, size, 256, std::make_shared<FakeMemory>(grey_rgb(size, 256)));
  rgb.color = {.matrix = ColorMatrix::kSmpte240m,
               .range = ColorRange::kLimited,
               .primaries = ColorPrimaries::kBt2020,
               .transfer = ColorTransfer::kPq};
  const auto frame = importer_->import(std::move(rgb));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->color, (ColorDescription{.matrix = ColorMatrix::kBt601,
                                            .range = ColorRange::kFull,
                                            .primaries = ColorPrimaries::kBt2020,
                                            .transfer = ColorTransfer::kPq}));
}

CapturedFrame dmabuf_frame(Fourcc format, Extent size, std::uint32_t pitch,
                           std::shared_ptr<const DmaBufMemory> memory) {
  CapturedFrame frame = shm_frame(format, size, pitch, nullptr);
  DmaBufImage image;
  image.plane_count = plane_count(format);
  image.planes = std::get<ShmImage>(frame.image).planes;
  image.memory = std::move(memory);
  frame.image = std::move(image);
  return frame;
}

TEST_F(CpuImporterTest, ReadsLinearDmabufsBetweenStartAndEnd) {
  const Extent size{64, 16};
  configure(size);
  const auto fd = test::make_memfd(grey_rgb(size, 256));
  const auto memory = test::make_dmabuf_memory({fd.borrow()});
  for (int i = 0; i < 2; ++i) {
    const auto frame = importer_->import(leased(dmabuf_frame(Fourcc::kBGRx, size, 256, memory)));
    ASSERT_TRUE(frame);
    EXPECT_EQ(picture_of(*frame).y(63, 15), level(63, 15));
    EXPECT_EQ(importer_->route(), "cpu/dmabuf-mmap");
  }
  EXPECT_THAT(sync_.calls, ElementsAre("start 0", "end 0", "start 0", "end 0"));
  EXPECT_EQ(events_.size(), 2u);
}

TEST_F(CpuImporterTest, WaitsForTheAcquirePointBeforeItReads) {
  const Extent size{64, 16};
  configure(size);
  const auto fd = test::make_memfd(grey_rgb(size, 256));
  const auto memory = test::make_dmabuf_memory({fd.borrow()});
  const auto timeline = std::make_shared<test::FakeTimeline>(sync_.calls);
  const auto captured = [&] {
    auto frame = dmabuf_frame(Fourcc::kBGRx, size, 256, memory);
    frame.acquire = {timeline, 9};
    return leased(std::move(frame));
  };
  EXPECT_EQ(kind_of(importer_->import(captured())), ErrorKind::kRetry);
  EXPECT_THAT(sync_.calls, ElementsAre("wait 9")) << "nothing was read";
  EXPECT_EQ(events_.size(), 1U) << "the producer has its buffer back";
  sync_.calls.clear();
  timeline->signalled = true;
  EXPECT_TRUE(importer_->import(captured()));
  EXPECT_THAT(sync_.calls, ElementsAre("wait 9", "start 0", "end 0"));
}

TEST_F(CpuImporterTest, ReadsNv12FromOneOrTwoDmabufs) {
  const Extent size{64, 16};
  configure(size);
  const auto bytes = numbered_nv12(size, 64);
  const auto whole = test::make_memfd(bytes);
  const auto luma = test::make_memfd({bytes.begin(), bytes.begin() + 64 * 16});
  const auto chroma = test::make_memfd({bytes.begin() + 64 * 16, bytes.end()});
  auto separate = dmabuf_frame(Fourcc::kNV12, size, 64,
                               test::make_dmabuf_memory({luma.borrow(), chroma.borrow()}));
  std::get<DmaBufImage>(separate.image).planes[1].offset_bytes = 0;
  std::vector<CapturedFrame> frames;
  frames.push_back(std::move(separate));
  frames.push_back(dmabuf_frame(Fourcc::kNV12, size, 64,
                                test::make_dmabuf_memory({whole.borrow(), whole.borrow()})));
  frames.push_back(
      dmabuf_frame(Fourcc::kNV12, size, 64, test::make_dmabuf_memory({whole.borrow()})));
  for (CapturedFrame& captured : frames) {
    const auto frame = importer_->import(std::move(captured));
    ASSERT_TRUE(frame);
    EXPECT_EQ(picture_of(*frame).y(63, 15), level(63, 15));
    EXPECT_EQ(picture_of(*frame).cb(63, 15), 131);
    EXPECT_EQ(picture_of(*frame).cr(63, 15), 207);
  }
}

TEST_F(CpuImporterTest, RejectsDmabufsThatItCannotRead) {
  const Extent size{64, 16};
  configure(size);
  const auto fd = test::make_memfd(grey_rgb(size, 256));
  const auto memory = test::make_dmabuf_memory({fd.borrow()});
  for (const Modifier modifier : {kModifierInvalid, Modifier{0x0300000000606010}}) {
    auto tiled = dmabuf_frame(Fourcc::kBGRx, size, 256, memory);
    std::get<DmaBufImage>(tiled.image).modifier = modifier;
    EXPECT_EQ(kind_of(importer_->import(leased(std::move(tiled)))), ErrorKind::kFormatRejected);
  }
  EXPECT_TRUE(sync_.calls.empty());

  auto too_big = dmabuf_frame(Fourcc::kBGRx, size, 256, memory);
  std::get<DmaBufImage>(too_big.image).planes[0].offset_bytes = 1;
  EXPECT_EQ(kind_of(importer_->import(leased(std::move(too_big)))), ErrorKind::kFormatRejected);
  EXPECT_THAT(sync_.calls, ElementsAre("start 0", "end 0"));

  auto one_plane = dmabuf_frame(Fourcc::kNV12, size, 64, memory);
  std::get<DmaBufImage>(one_plane.image).plane_count = 1;
  EXPECT_EQ(kind_of(importer_->import(leased(std::move(one_plane)))), ErrorKind::kFormatRejected);

  sync_.answers = {ENOTTY};
  EXPECT_EQ(kind_of(importer_->import(leased(dmabuf_frame(Fourcc::kBGRx, size, 256, memory)))),
            ErrorKind::kFormatRejected);
  EXPECT_EQ(events_.size(), 5u);
}

}  // namespace
}  // namespace lumen::cpu
