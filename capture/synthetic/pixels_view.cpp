#include "capture/synthetic/pixels_view.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/color.h"

namespace lumen {
namespace {

template <typename Sample>
void fill_samples(std::uint8_t* plane, Pitch pitch, Rect rect, Sample sample) {
  const std::size_t bytes = std::size_t{rect.size.width} * sizeof(Sample);
  std::uint8_t* const first = plane + std::size_t{rect.y} * pitch.bytes + rect.x * sizeof(Sample);
  for (std::uint32_t x = 0; x < rect.size.width; ++x) {
    std::memcpy(first + x * sizeof(Sample), &sample, sizeof(Sample));
  }
  for (std::uint32_t row = 1; row < rect.size.height; ++row) {
    std::memcpy(first + std::size_t{row} * pitch.bytes, first, bytes);
  }
}

Rect clip(Rect rect, Extent size) {
  const std::uint32_t left = std::min(rect.x, size.width);
  const std::uint32_t top = std::min(rect.y, size.height);
  return {left,
          top,
          {std::min(rect.size.width, size.width - left),
           std::min(rect.size.height, size.height - top)}};
}

/// The chroma samples that a luma rectangle touches.
Rect halve(Rect rect) {
  const std::uint32_t right = (rect.x + rect.size.width + 1) / 2;
  const std::uint32_t bottom = (rect.y + rect.size.height + 1) / 2;
  return {rect.x / 2, rect.y / 2, {right - rect.x / 2, bottom - rect.y / 2}};
}

}  // namespace

YCbCr to_bt709_limited(Rgb color) {
  const auto [kr, kb] = luma_weights(ColorMatrix::kBt709);
  const double r = color.r / 255.0;
  const double g = color.g / 255.0;
  const double b = color.b / 255.0;
  const double y = kr * r + (1 - kr - kb) * g + kb * b;
  const auto round8 = [](double value) { return static_cast<std::uint8_t>(std::lround(value)); };
  return {round8(16 + 219 * y), round8(128 + 224 * (b - y) / (2 * (1 - kb))),
          round8(128 + 224 * (r - y) / (2 * (1 - kr)))};
}

bool is_drawable(Fourcc format) { return is_packed_rgb(format) || format == Fourcc::kNV12; }

std::uint32_t row_bytes(Fourcc format, std::uint32_t width) {
  return format == Fourcc::kNV12 ? (width + 1) / 2 * 2 : width * 4;
}

std::size_t picture_bytes(Fourcc format, std::uint32_t height, Pitch pitch) {
  const std::size_t rows = format == Fourcc::kNV12 ? height + (height + 1) / 2 : height;
  return rows * pitch.bytes;
}

PixelsView view_pixels(std::uint8_t* memory, Fourcc format, Extent size, Pitch pitch) {
  PixelsView view{format, size, {memory, nullptr}, {pitch, {}}};
  if (format == Fourcc::kNV12) {
    view.planes[1] = memory + std::size_t{size.height} * pitch.bytes;
    view.pitches[1] = pitch;
  }
  return view;
}

std::uint32_t pack(Fourcc format, Rgb color) {
  const bool red_first = is_red_first(format);
  if (bit_depth(format) == 10) {
    const auto widen = [](std::uint8_t value) { return (value * 1023U + 127) / 255; };
    return widen(red_first ? color.r : color.b) | widen(color.g) << 10 |
           widen(red_first ? color.b : color.r) << 20 | 3U << 30;
  }
  const std::array<std::uint8_t, 4> bytes{red_first ? color.r : color.b, color.g,
                                          red_first ? color.b : color.r, 0xff};
  return std::bit_cast<std::uint32_t>(bytes);
}

void fill_rect(const PixelsView& view, Rect rect, Rgb color) {
  const Rect inside = clip(rect, view.size);
  if (inside.size.empty()) return;
  if (view.format == Fourcc::kNV12) {
    const YCbCr ycbcr = to_bt709_limited(color);
    fill_samples(view.planes[0], view.pitches[0], inside, ycbcr.y);
    fill_samples(view.planes[1], view.pitches[1], halve(inside),
                 std::array<std::uint8_t, 2>{ycbcr.cb, ycbcr.cr});
  } else {
    fill_samples(view.planes[0], view.pitches[0], inside, pack(view.format, color));
  }
}

}  // namespace lumen
