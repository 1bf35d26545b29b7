#include "zerocopy/selftest/sample.h"

#include <utility>

#include "zerocopy/selftest/udmabuf_sample.h"
#include "zerocopy/selftest/vulkan_sample.h"

namespace lumen::selftest {

std::vector<std::unique_ptr<SampleMaker>> make_sample_makers(const cuda::DeviceInfo& device,
                                                             std::vector<std::string>& reasons) {
  std::vector<std::unique_ptr<SampleMaker>> makers;
  const auto add = [&](std::string_view name, Result<std::unique_ptr<SampleMaker>> maker) {
    if (maker) {
      makers.push_back(std::move(*maker));
    } else {
      reasons.push_back(std::string(name) + ": " + maker.error().describe());
    }
  };
  add("Vulkan", make_vulkan_maker(device.uuid));
  add("udmabuf", make_udmabuf_maker());
  return makers;
}

Result<CapturedFrame> make_sample_frame(Result<DmaBufMemory> memory, Fourcc format,
                                        Modifier modifier, Extent size, PlaneLayout plane) {
  if (!memory) return tl::unexpected(std::move(memory.error()));
  DmaBufImage image;
  image.memory = std::make_shared<const DmaBufMemory>(std::move(*memory));
  image.modifier = modifier;
  image.plane_count = 1;
  image.planes[0] = plane;
  CapturedFrame frame;
  frame.image = std::move(image);
  frame.format = format;
  frame.size = size;
  frame.crop = {0, 0, size};
  return frame;
}

std::vector<std::uint32_t> sample_pixels(Extent size) {
  std::vector<std::uint32_t> pixels(std::size_t{size.width} * size.height);
  // A linear congruential sequence (Numerical Recipes' constants): neighbours share nothing.
  std::uint32_t state = 0x2545F491;
  for (std::uint32_t& pixel : pixels) {
    state = state * 1664525U + 1013904223U;
    pixel = state ^ state >> 16;
  }
  return pixels;
}

}  // namespace lumen::selftest
