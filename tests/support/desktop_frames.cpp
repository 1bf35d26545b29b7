#include "support/desktop_frames.h"

#include <cstring>
#include <utility>

#include "support/host_image.h"

namespace lumen::test {
namespace {

constexpr std::uint32_t kLine = 18;           // pixels from one line of text to the next
constexpr std::uint32_t kGlyph = 9;           // pixels from one letter to the next
constexpr std::uint32_t kScroll = 3;          // pixels a picture
constexpr std::uint32_t kPeriod = 4 * kLine;  // the window's text begins anew
constexpr std::uint8_t kPaper = 235;

std::uint32_t mixed(std::uint32_t value) {
  value = (value ^ (value >> 16U)) * 0x7feb352dU;
  value = (value ^ (value >> 15U)) * 0x846ca68bU;
  return value ^ (value >> 16U);
}

/// Strokes of two pixels in cells of `kGlyph` by `kLine`.
std::uint8_t text(std::uint32_t x, std::uint32_t y, std::uint32_t seed) {
  if (y % kLine < 3 || x % kGlyph > 6) return kPaper;
  const std::uint32_t letter = mixed(x / kGlyph * 7919 + y / kLine * 104729 + seed);
  if (letter % 8 == 0) return kPaper;
  const std::uint32_t stroke = mixed(letter ^ (x % kGlyph / 2 * 31 + y % kLine / 2 * 17));
  return stroke % 4 == 0 ? static_cast<std::uint8_t>(40 + (stroke >> 8U) % 40) : kPaper;
}

}  // namespace

DesktopFrames::DesktopFrames(Fourcc format, Extent size)
    : format_(format), size_(size), screen_(make_image(format, size)) {
  // Off the grid of macroblocks, as windows are.
  window_ = {
      size.width * 3 / 8 + 5, size.height * 3 / 8 + 7, {size.width * 9 / 40, size.height * 2 / 9}};
  for (std::uint32_t y = 0; y < size.height; ++y) {
    for (std::uint32_t x = 0; x < size.width; ++x) set_sample(screen_, 0, x, y, luma(x, y, 0));
  }
  const Extent chroma = chroma_size(format, size);
  for (const unsigned plane : {1U, 2U}) {
    for (std::uint32_t y = 0; y < chroma.height; ++y) {
      for (std::uint32_t x = 0; x < chroma.width; ++x) {
        const bool picture = x > chroma.width * 3 / 4;
        set_sample(screen_, plane, x, y,
                   static_cast<std::uint8_t>(picture ? 110 + y * 30 / chroma.height : 128));
      }
    }
  }
}

std::uint8_t DesktopFrames::luma(std::uint32_t x, std::uint32_t y, std::uint32_t number) const {
  const bool inside = x >= window_.x && x < window_.x + window_.size.width && y >= window_.y &&
                      y < window_.y + window_.size.height;
  if (inside) return text(x, (y + kScroll * number) % kPeriod, 4);
  if (y < size_.height / 27) return 60;
  if (x > size_.width * 3 / 4) {
    return static_cast<std::uint8_t>(80 + (x + y) * 100 / (size_.width + size_.height));
  }
  return text(x, y, x < size_.width / 6 ? 1 : 2);
}

Frame DesktopFrames::at(std::uint32_t number) const {
  CpuImage image = make_image(format_, size_);
  const Extent chroma = chroma_size(format_, size_);
  std::memcpy(image.planes[0], screen_.planes[0],
              std::size_t{screen_.pitches[0].bytes} * size_.height);
  for (const std::size_t plane : {1U, 2U}) {
    if (screen_.planes[plane] == nullptr) continue;
    std::memcpy(image.planes[plane], screen_.planes[plane],
                std::size_t{screen_.pitches[plane].bytes} * chroma.height);
  }
  for (std::uint32_t y = window_.y; y < window_.y + window_.size.height; ++y) {
    for (std::uint32_t x = window_.x; x < window_.x + window_.size.width; ++x) {
      set_sample(image, 0, x, y, luma(x, y, number));
    }
  }
  return frame_of(std::move(image), size_, number);
}

}  // namespace lumen::test
