#include "support/noisy_frames.h"

#include <utility>

#include "support/host_image.h"

namespace lumen::test {

Frame NoisyFrames::at(std::uint32_t number) const {
  CpuImage image = make_image(format_, size_);
  std::uint32_t random = number * 2654435761U + 1;
  for (std::uint32_t y = 0; y < size_.height; ++y) {
    for (std::uint32_t x = 0; x < size_.width; ++x) {
      random = random * 1664525U + 1013904223U;
      const std::uint32_t grain = noise_ == 0 ? 0 : (random >> 24U) % noise_;
      set_sample(image, 0, x, y, static_cast<std::uint8_t>(60 + (x + 4 * number) % 120 + grain));
    }
  }
  const Extent chroma = chroma_size(format_, size_);
  for (const unsigned plane : {1U, 2U}) {
    for (std::uint32_t y = 0; y < chroma.height; ++y) {
      for (std::uint32_t x = 0; x < chroma.width; ++x) set_sample(image, plane, x, y, 128);
    }
  }
  return frame_of(std::move(image), size_, number);
}

}  // namespace lumen::test
