// What the encoder does with textures. Streams are written to files, which stream_check.cpp plays
// on Linux.
#include "windows/encoder_fixture.h"

namespace lumen {
namespace {

class WindowsNvenc : public test::WindowsEncoder {
 protected:
  /// Of pictures that all were encoded, from `first` on.
  static std::vector<test::StreamUnit> units_of(const std::vector<EncodedFrame>& frames,
                                                std::uint32_t first = 0) {
    std::vector<test::StreamUnit> units;
    for (const EncodedFrame& frame : frames) units.push_back(test::make_unit(first++, frame));
    return units;
  }
  static void keep(const std::string& name, const std::vector<test::StreamUnit>& units) {
    ASSERT_TRUE(test::write_stream(std::string(LUMEN_STREAMS) + "/" + name + ".units", units));
  }
  static std::size_t bytes_of(const std::vector<EncodedFrame>& frames) {
    std::size_t bytes = 0;
    for (const EncodedFrame& frame : frames) bytes += frame.data.view().size();
    return bytes;
  }
};

TEST_F(WindowsNvenc, EncodesTexturesInAsynchronousMode) {
  const auto opened = open(settings());
  ASSERT_TRUE(opened) << opened.error().describe();
  EXPECT_EQ(encoder->input().memory, FrameMemory::kD3d11);
  for (std::uint32_t n = 0; n < 120; ++n) {
    const auto done = encode(n);
    ASSERT_TRUE(done) << n << ": " << done.error().describe();
  }
  const auto flushed = encoder->flush();
  ASSERT_TRUE(flushed) << flushed.error().describe();
  const auto frames = take();
  ASSERT_EQ(frames.size(), 120U);
  for (std::uint32_t n = 0; n < 120; ++n) {
    EXPECT_EQ(frames[n].pts, time_of(n));
    EXPECT_EQ(frames[n].key, n == 0) << n;
  }
  // One for each picture in flight and one for the end.
  EXPECT_EQ(nvenc.calls("nvEncRegisterAsyncEvent"), nvenc::kSlots + 1);
  EXPECT_LE(nvenc.calls("nvEncRegisterResource"), d3d11::TexturePool::kDefaultLimit);
  EXPECT_EQ(nvenc.calls("nvEncSetIOCudaStreams"), 0U);
  keep("all", units_of(frames));
  close();
  EXPECT_EQ(nvenc.calls("nvEncUnregisterAsyncEvent"), nvenc::kSlots + 1);
}

TEST_F(WindowsNvenc, LocksBlockWhereTheDriverHasNoEvents) {
  nvenc.hide_capability(NV_ENC_CAPS_ASYNC_ENCODE_SUPPORT);
  ASSERT_TRUE(open(settings()));
  for (std::uint32_t n = 0; n < 30; ++n) ASSERT_TRUE(encode(n));
  ASSERT_TRUE(encoder->flush());
  const auto frames = take();
  ASSERT_EQ(frames.size(), 30U);
  EXPECT_EQ(nvenc.calls("nvEncRegisterAsyncEvent"), 0U);
  keep("blocking", units_of(frames));
}

// Slice offsets and events exclude each other (nvEncodeAPI.h, reportSliceOffsets).
TEST_F(WindowsNvenc, SlicesComeEarlyInSynchronousMode) {
  EncoderSettings wanted = settings();
  wanted.slices = 4;
  wanted.sub_frame = true;
  ASSERT_TRUE(open(wanted));
  ASSERT_TRUE(encoder->capabilities().sub_frame);
  for (std::uint32_t n = 0; n < 10; ++n) ASSERT_TRUE(encode(n));
  ASSERT_TRUE(encoder->flush());
  EXPECT_EQ(take().size(), 40U);
  EXPECT_EQ(nvenc.calls("nvEncRegisterAsyncEvent"), 0U);
}

TEST_F(WindowsNvenc, KeyFramesComeWhenTheyAreAskedFor) {
  ASSERT_TRUE(open(settings()));
  for (std::uint32_t n = 0; n < 20; ++n) {
    ASSERT_TRUE(encode(n, EncodeRequest::key_frame(n == 7 || n == 15)));
  }
  ASSERT_TRUE(encoder->flush());
  const auto frames = take();
  ASSERT_EQ(frames.size(), 20U);
  for (std::uint32_t n = 0; n < 20; ++n) EXPECT_EQ(frames[n].key, n % 15 == 0 || n == 7) << n;
}

TEST_F(WindowsNvenc, ALossIsRepairedWithoutAKeyFrame) {
  ASSERT_TRUE(open(settings()));
  ASSERT_TRUE(encoder->capabilities().invalidation);
  for (std::uint32_t n = 0; n < 60; ++n) {
    EncodeRequest request;
    if (n == 33) {
      request = {.repair = EncodeRequest::Repair::kInvalidate, .lost_from = time_of(30)};
    }
    ASSERT_TRUE(encode(n, request));
  }
  ASSERT_TRUE(encoder->flush());
  const auto frames = take();
  ASSERT_EQ(frames.size(), 60U);
  EXPECT_TRUE(frames[33].repaired);
  EXPECT_FALSE(frames[33].key);
  auto units = units_of(frames);
  units.erase(units.begin() + 30);
  keep("repaired", units);
}

TEST_F(WindowsNvenc, TheBitRateChangesWithoutAKeyFrame) {
  ASSERT_TRUE(open(settings()));
  for (std::uint32_t n = 0; n < 60; ++n) ASSERT_TRUE(encode(n));
  ASSERT_TRUE(encoder->reconfigure({.bitrate_bps = 1'000'000}));
  for (std::uint32_t n = 60; n < 120; ++n) ASSERT_TRUE(encode(n));
  ASSERT_TRUE(encoder->flush());
  auto frames = take();
  ASSERT_EQ(frames.size(), 120U);
  const std::vector<EncodedFrame> before(frames.begin() + 30, frames.begin() + 60);
  const std::vector<EncodedFrame> after(frames.begin() + 90, frames.end());
  EXPECT_LT(bytes_of(after) * 3, bytes_of(before));
  EXPECT_FALSE(frames[60].key);
}

TEST_F(WindowsNvenc, TheSizeChangesWithAKeyFrame) {
  EncoderSettings wanted = settings();
  wanted.max_size = {1280, 720};
  ASSERT_TRUE(open(wanted));
  for (std::uint32_t n = 0; n < 20; ++n) ASSERT_TRUE(encode(n));
  const Extent larger{1280, 720};
  const auto changed = encoder->reconfigure({.size = larger});
  ASSERT_TRUE(changed) << changed.error().describe();
  ASSERT_TRUE(draw(larger));
  for (std::uint32_t n = 20; n < 40; ++n) ASSERT_TRUE(encode(n));
  ASSERT_TRUE(encoder->flush());
  const auto frames = take();
  ASSERT_EQ(frames.size(), 40U);
  EXPECT_TRUE(frames[20].key);
  EXPECT_EQ(frames[20].stream->size, larger);
  keep("resized", units_of(frames));
}

TEST_F(WindowsNvenc, FramesOfAnotherDeviceOrKindAreRefused) {
  ASSERT_TRUE(open(settings()));
  const auto other = test::Direct3d::make();
  auto pool = d3d11::TexturePool::create(other.device, Fourcc::kBGRx, {640, 360});
  ASSERT_TRUE(pool);
  auto texture = (*pool)->acquire();
  ASSERT_TRUE(texture);
  Frame frame;
  frame.size = {640, 360};
  frame.payload = *texture;
  auto refused = encoder->encode(frame, time_of(0), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kDeviceLost);
  frame.payload = CpuImage{.format = Fourcc::kNV12};
  refused = encoder->encode(frame, time_of(1), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  ASSERT_TRUE(encode(2)) << "and it goes on";
  ASSERT_TRUE(encoder->flush());
}

TEST_F(WindowsNvenc, TexturesOfAPoolAreUsedAgain) {
  auto pool = d3d11::TexturePool::create(direct3d.device, Fourcc::kBGRA, {64, 64}, 2);
  ASSERT_TRUE(pool);
  {
    const auto first = (*pool)->acquire();
    const auto second = (*pool)->acquire();
    ASSERT_TRUE(first && second);
    const auto third = (*pool)->acquire();
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().kind, ErrorKind::kRetry);
  }
  EXPECT_EQ((*pool)->status().in_use, 0U);
  EXPECT_TRUE((*pool)->acquire());
  EXPECT_EQ((*pool)->status().allocated, 2U);
  EXPECT_FALSE(d3d11::TexturePool::create(direct3d.device, Fourcc::kI420, {64, 64}));
  EXPECT_FALSE(d3d11::TexturePool::create(direct3d.device, Fourcc::kBGRA, {63, 64}));
}

// Wine's Direct3D has no such textures; Windows' has.
TEST_F(WindowsNvenc, Nv12IsForDevicesThatHaveIt) {
  const auto pool = d3d11::TexturePool::create(direct3d.device, Fourcc::kNV12, {64, 64});
  ASSERT_TRUE(open(settings()));
  if (pool) {
    EXPECT_TRUE((*pool)->acquire());
    EXPECT_EQ(encoder->input().format, Fourcc::kNV12);
  } else {
    EXPECT_EQ(pool.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(encoder->input().format, Fourcc::kBGRx);
  }
}

}  // namespace
}  // namespace lumen
