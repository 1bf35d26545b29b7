// What the EGL routes decide without a GPU.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/dmabuf_memory.h"
#include "platform/linux/unique_fd.h"
#include "zerocopy/egl/device.h"
#include "zerocopy/egl/driver.h"
#include "zerocopy/egl/egl_reader.h"
#include "zerocopy/egl/image.h"
#include "zerocopy/egl/layout_check.h"
#include "zerocopy/egl/modifiers.h"
#include "zerocopy/producer_fence.h"

namespace lumen::egl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(EglExtensions, AreFoundByWholeName) {
  constexpr std::string_view kList = "EGL_EXT_device_base EGL_KHR_image EGL_KHR_image_base";
  EXPECT_TRUE(has_extension(kList, "EGL_EXT_device_base"));
  EXPECT_TRUE(has_extension(kList, "EGL_KHR_image"));
  EXPECT_TRUE(has_extension(kList, "EGL_KHR_image_base"));
  EXPECT_FALSE(has_extension(kList, "EGL_EXT_device"));
  EXPECT_FALSE(has_extension(kList, "KHR_image"));
  EXPECT_FALSE(has_extension("", "EGL_KHR_image"));
}

TEST(EglDriver, ALibraryThatIsNotThereIsUnsupported) {
  const auto driver = load_driver("libEGL-that-nobody-has.so.1");
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(driver.error().message, HasSubstr("libEGL-that-nobody-has.so.1"));
}

// As NVIDIA's driver 580 lists them for XRGB8888, in a worse order.
TEST(EglModifiers, UncompressedTilesComeFirstThenCompressedThenLinear) {
  std::vector<ImageLayout> layouts{{kModifierLinear, true},
                                   {{0x0300'0000'00e0'8010}},
                                   {{0x0300'0000'0060'6015}},
                                   {{0x0300'0000'00e0'8015}},
                                   {{0x0300'0000'0060'6010}}};
  sort_by_preference(layouts);
  EXPECT_THAT(
      layouts,
      ElementsAre(ImageLayout{{0x0300'0000'0060'6015}}, ImageLayout{{0x0300'0000'0060'6010}},
                  ImageLayout{{0x0300'0000'00e0'8010}}, ImageLayout{{0x0300'0000'00e0'8015}},
                  ImageLayout{kModifierLinear, true}));
}

TEST(EglModifiers, OnlyNvidiaBlockLinearBitsSayCompressed) {
  EXPECT_TRUE(is_compressed({0x0300'0000'00e0'8014}));
  EXPECT_FALSE(is_compressed({0x0300'0000'0060'6014}));
  EXPECT_FALSE(is_compressed({0x0100'0000'00e0'8014}));  // another vendor's bits
  EXPECT_FALSE(is_compressed(kModifierLinear));
  EXPECT_FALSE(is_compressed(kModifierInvalid));
}

TEST(EglImages, TheFourthByteIsLabelledAlpha) {
  EXPECT_EQ(with_alpha(Fourcc::kBGRx), Fourcc::kBGRA);
  EXPECT_EQ(with_alpha(Fourcc::kRGBx), Fourcc::kRGBA);
  EXPECT_EQ(with_alpha(Fourcc::kBGRA), Fourcc::kBGRA);
  EXPECT_EQ(with_alpha(Fourcc::kRGBA), Fourcc::kRGBA);
}

class EglDeviceMatch : public testing::Test {
 protected:
  static EGLDeviceEXT handle(std::uintptr_t number) {
    return reinterpret_cast<EGLDeviceEXT>(number);
  }
  static std::string pci_of(const std::string& node) {
    return node == "/dev/dri/renderD129" ? "0000:01:00.0" : "0000:00:02.0";
  }
  const cuda::DeviceInfo cuda_{
      .ordinal = 1, .name = "GPU", .uuid = {1, 2, 3}, .pci_bus_id = "0000:01:00.0"};
};

TEST_F(EglDeviceMatch, TheUuidDecidesWhereThereIsOne) {
  const std::array devices{
      // Another GPU whose ordinal happens to agree: CUDA_VISIBLE_DEVICES renumbers.
      EglDevice{.handle = handle(1), .uuid = cuda::Uuid{9}, .cuda_ordinal = 1},
      EglDevice{.handle = handle(2), .uuid = cuda_.uuid, .cuda_ordinal = 0}};
  const EglDevice* const match = match_device(devices, cuda_, DeviceKind::kMatchingGpu, pci_of);
  ASSERT_NE(match, nullptr);
  EXPECT_EQ(match->handle, handle(2));
}

TEST_F(EglDeviceMatch, ThenTheCudaOrdinalThenThePciAddress) {
  const std::array by_ordinal{EglDevice{.handle = handle(1), .cuda_ordinal = 0},
                              EglDevice{.handle = handle(2), .cuda_ordinal = 1}};
  const EglDevice* match = match_device(by_ordinal, cuda_, DeviceKind::kMatchingGpu, pci_of);
  ASSERT_NE(match, nullptr);
  EXPECT_EQ(match->handle, handle(2));

  const std::array by_address{EglDevice{.handle = handle(1), .drm_node = "/dev/dri/renderD128"},
                              EglDevice{.handle = handle(2), .drm_node = "/dev/dri/renderD129"}};
  match = match_device(by_address, cuda_, DeviceKind::kMatchingGpu, pci_of);
  ASSERT_NE(match, nullptr);
  EXPECT_EQ(match->handle, handle(2));
}

TEST_F(EglDeviceMatch, ADeviceWithoutIdentityIsNeverTheGpu) {
  const std::array devices{EglDevice{.handle = handle(1)},
                           EglDevice{.handle = handle(2), .software = true}};
  EXPECT_EQ(match_device(devices, cuda_, DeviceKind::kMatchingGpu, pci_of), nullptr);
  const EglDevice* const match = match_device(devices, cuda_, DeviceKind::kSoftware, pci_of);
  ASSERT_NE(match, nullptr);
  EXPECT_EQ(match->handle, handle(2));
}

TEST(EglRenderNode, IsTheOneOfThePciDevice) {
  const auto root =
      std::filesystem::temp_directory_path() / ("lumen-egl-" + std::to_string(::getpid()));
  std::filesystem::create_directories(root / "0000:01:00.0/drm/card1");
  std::filesystem::create_directories(root / "0000:01:00.0/drm/renderD129");
  std::filesystem::create_directories(root / "0000:02:00.0");
  EXPECT_EQ(render_node_of_pci("0000:01:00.0", root), "/dev/dri/renderD129");
  EXPECT_EQ(render_node_of_pci("0000:02:00.0", root), "");  // no DRM driver bound
  EXPECT_EQ(render_node_of_pci("0000:03:00.0", root), "");
  std::filesystem::remove_all(root);
}

/// A 64×64 picture in a file of `bytes`.
class EglLayout : public testing::Test {
 protected:
  static CapturedFrame frame_in(off_t bytes, Modifier modifier = kModifierLinear) {
    const UniqueFd file = UniqueFd::take(::memfd_create("lumen-test", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(file.borrow(), bytes), 0);
    auto memory = DmaBufMemory::create({file.borrow(), -1, -1, -1}, 1);
    EXPECT_TRUE(memory);
    DmaBufImage image{std::make_shared<const DmaBufMemory>(std::move(*memory)), modifier, 1, {}};
    image.planes[0] = {0, {256}};
    CapturedFrame frame;
    frame.image = std::move(image);
    frame.format = Fourcc::kBGRx;
    frame.size = {64, 64};
    return frame;
  }
  static DmaBufImage& image_of(CapturedFrame& frame) { return std::get<DmaBufImage>(frame.image); }
  static std::string check(const CapturedFrame& frame) {
    const auto checked = check_layout(frame, std::get<DmaBufImage>(frame.image));
    if (checked) return "";
    EXPECT_EQ(checked.error().kind, ErrorKind::kFormatRejected);
    return checked.error().message;
  }
};

constexpr off_t kWhole = 64 * 64 * 4;

TEST_F(EglLayout, TheLastRowMayEndWithTheMemory) {
  EXPECT_EQ(check(frame_in(kWhole)), "");
  EXPECT_EQ(check(frame_in(kWhole - 1)), "the picture needs 16384 bytes, its memory has 16383");
  CapturedFrame padded = frame_in(512 * 63 + 256);
  image_of(padded).planes[0].pitch = {512};
  EXPECT_EQ(check(padded), "");
  image_of(padded).planes[0].offset_bytes = 4;
  EXPECT_THAT(check(padded), HasSubstr("its memory has"));
}

TEST_F(EglLayout, SumsDoNotOverflow) {
  CapturedFrame frame = frame_in(kWhole);
  image_of(frame).planes[0] = {0xffff'fffcU, {0xffff'fffcU}};
  EXPECT_NE(check(frame), "");
  image_of(frame).planes[0].offset_bytes = 0;
  frame.size = {16384, 16384};
  EXPECT_NE(check(frame), "");
}

TEST_F(EglLayout, TilesNeedAtLeastTheirPixels) {
  const Modifier tiled{0x0300'0000'0060'6010};
  EXPECT_EQ(check(frame_in(kWhole, tiled)), "");
  EXPECT_NE(check(frame_in(kWhole - 1, tiled)), "");
  CapturedFrame two_planes = frame_in(2 * kWhole, tiled);
  image_of(two_planes).plane_count = 2;
  image_of(two_planes).planes[1] = {static_cast<std::uint32_t>(kWhole), {64}};
  EXPECT_EQ(check(two_planes), "");
  image_of(two_planes).planes[1].offset_bytes = 2 * kWhole;
  EXPECT_EQ(check(two_planes), "plane 1 begins behind its memory");
}

TEST_F(EglLayout, MemoryThatIsNoDmabufHasNoFenceToWaitFor) {
  const CapturedFrame frame = frame_in(kWhole);
  EXPECT_TRUE(
      wait_for_producer(frame, std::get<DmaBufImage>(frame.image), std::chrono::seconds(1)));
}

}  // namespace
}  // namespace lumen::egl
