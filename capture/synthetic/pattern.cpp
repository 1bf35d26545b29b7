#include "capture/synthetic/pattern.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <optional>

#include "capture/synthetic/barcode.h"

namespace lumen {
namespace {

constexpr std::uint32_t kTextureSide = 256;   // pixels
constexpr std::uint32_t kNoiseLength = 8192;  // pixels; 32 KiB of packed RGB stay in L1
constexpr int kNoiseAmplitude = 16;           // of 255, each way

/// Spreads every input bit over the word: multiplications by the odd number nearest to 2^32/φ, with
/// the high half folded down in between.
std::uint32_t mix(std::uint32_t value) {
  for (int round = 0; round < 3; ++round) {
    value = (value ^ (value >> 16)) * 0x9e3779b9U;
  }
  return value ^ (value >> 16);
}

/// Triangle wave: 0 … limit … 0.
std::uint32_t bounce(std::uint64_t position, std::uint32_t limit) {
  if (limit == 0) return 0;
  const auto phase = static_cast<std::uint32_t>(position % (2 * std::uint64_t{limit}));
  return phase <= limit ? phase : 2 * limit - phase;
}

constexpr std::uint32_t even(std::uint32_t value) { return value & ~1U; }

std::uint8_t level(std::uint32_t value) {
  return static_cast<std::uint8_t>(std::min<std::uint32_t>(value, 255));
}

/// Every term has a period that divides the tile's side, so that the tile repeats without a seam.
Rgb texture_color(std::uint32_t x, std::uint32_t y) {
  const std::uint32_t waves = bounce(x + 2 * y, 32) + bounce(3 * x + y, 64);  // 0..96
  const std::uint32_t checks = ((x / 16 + y / 16) % 2) * 40;
  return {level(40 + waves + checks), level(60 + waves), level(150 - checks + waves / 2)};
}

Rgb background_color(std::uint32_t x, std::uint32_t y, Extent size) {
  const auto part = [](std::uint32_t at, std::uint32_t of) {
    return static_cast<std::uint32_t>(std::uint64_t{at} * 128 / of);
  };
  const std::uint32_t across = part(x, size.width);
  const std::uint32_t down = part(y, size.height);
  return {level(48 + across), level(64 + down), level(176 - (across + down) / 2)};
}

std::uint8_t* sample_at(const PixelsView& view, unsigned plane, std::uint32_t x, std::uint32_t y,
                        std::uint32_t sample_bytes) {
  return view.planes[plane] + std::size_t{y} * view.pitches[plane].bytes +
         std::size_t{x} * sample_bytes;
}

/// Copies `count` samples of a repeating row, beginning at `start`.
void copy_repeating(std::uint8_t* to, std::uint32_t count, const std::uint8_t* row,
                    std::uint32_t length, std::uint32_t start, std::uint32_t sample_bytes) {
  while (count > 0) {
    const std::uint32_t run = std::min(count, length - start);
    std::memcpy(to, row + std::size_t{start} * sample_bytes, std::size_t{run} * sample_bytes);
    to += std::size_t{run} * sample_bytes;
    count -= run;
    start = 0;
  }
}

/// Writes one pixel's sample of `plane`; returns its size in bytes.
std::uint32_t encode_sample(Fourcc format, unsigned plane, Rgb color, std::uint8_t* to) {
  if (format != Fourcc::kNV12) {
    const std::uint32_t word = pack(format, color);
    std::memcpy(to, &word, sizeof(word));
    return sizeof(word);
  }
  const YCbCr ycbcr = to_bt709_limited(color);
  if (plane == 0) {
    to[0] = ycbcr.y;
    return 1;
  }
  to[0] = ycbcr.cb;
  to[1] = ycbcr.cr;
  return 2;
}

std::uint32_t sample_bytes_of(Fourcc format, unsigned plane) {
  return format == Fourcc::kNV12 ? plane + 1 : 4;
}

/// Columns or rows of a plane that cover a luma span; the span begins at an even coordinate.
std::uint32_t subsampled(std::uint32_t length, unsigned shift) {
  return (length + (1U << shift) - 1) >> shift;
}

}  // namespace

Rgb patch_color(unsigned index) {
  static constexpr std::array<Rgb, kPatchCount> kColors{{{0, 0, 0},
                                                         {255, 255, 255},
                                                         {255, 0, 0},
                                                         {0, 255, 0},
                                                         {0, 0, 255},
                                                         {0, 255, 255},
                                                         {255, 0, 255},
                                                         {255, 255, 0}}};
  assert(index < kPatchCount);
  return kColors[index];
}

Rect patch_rect(unsigned index, Extent picture) {
  assert(index < kPatchCount);
  const std::uint32_t left = even(picture.width * (8 * index + 1) / 64);
  const std::uint32_t right = even(picture.width * (8 * index + 7) / 64);
  const std::uint32_t top = even(picture.height * 26 / 32);
  const std::uint32_t bottom = even(picture.height * 31 / 32);
  return {left, top, {right - left, bottom - top}};
}

Rect stage_rect(Extent picture) {
  const Rect whole{even(picture.width / 4),
                   even(picture.height / 4),
                   {even(picture.width / 2), even(picture.height / 2)}};
  return whole;
}

PatternPainter::PatternPainter(Fourcc format, Extent size)
    : format_(format), size_(size), noise_(make_noise(format)) {
  assert(is_drawable(format));
  for (unsigned plane = 0; plane < lumen::plane_count(format); ++plane) {
    texture_.push_back(make_texture(format, plane));
  }
}

PatternPainter::Tile PatternPainter::make_texture(Fourcc format, unsigned plane) {
  Tile tile;
  tile.shift = plane;  // NV12's chroma plane is the only second one
  tile.size = {kTextureSide >> tile.shift, kTextureSide >> tile.shift};
  tile.sample_bytes = sample_bytes_of(format, plane);
  tile.bytes.resize(std::size_t{tile.size.width} * tile.size.height * tile.sample_bytes);
  std::uint8_t* to = tile.bytes.data();
  for (std::uint32_t y = 0; y < tile.size.height; ++y) {
    for (std::uint32_t x = 0; x < tile.size.width; ++x) {
      to += encode_sample(format, plane, texture_color(x << tile.shift, y << tile.shift), to);
    }
  }
  return tile;
}

PatternPainter::Tile PatternPainter::make_noise(Fourcc format) {
  Tile tile;
  tile.size = {kNoiseLength, 1};
  tile.sample_bytes = sample_bytes_of(format, 0);
  tile.bytes.resize(std::size_t{kNoiseLength} * tile.sample_bytes);
  std::uint8_t* to = tile.bytes.data();
  for (std::uint32_t x = 0; x < kNoiseLength; ++x) {
    const int deviation =
        static_cast<int>(mix(x + 1) % (2 * kNoiseAmplitude + 1)) - kNoiseAmplitude;
    const auto grey = static_cast<std::uint8_t>(128 + deviation);
    to += encode_sample(format, 0, {grey, grey, grey}, to);
  }
  return tile;
}

void PatternPainter::draw_static(const PixelsView& view) const {
  for (unsigned plane = 0; plane < texture_.size(); ++plane) {
    const unsigned shift = texture_[plane].shift;
    const std::uint32_t bytes = texture_[plane].sample_bytes;
    const std::uint32_t columns = subsampled(size_.width, shift);
    for (std::uint32_t y = 0; y < subsampled(size_.height, shift); ++y) {
      std::uint8_t* to = sample_at(view, plane, 0, y, bytes);
      std::optional<Rgb> previous;  // a step of the gradient spans many pixels: convert it once
      for (std::uint32_t x = 0; x < columns; ++x, to += bytes) {
        const Rgb color = background_color(x << shift, y << shift, size_);
        if (color == previous) {
          std::memcpy(to, to - bytes, bytes);
        } else {
          encode_sample(format_, plane, color, to);
          previous = color;
        }
      }
    }
  }
  for (unsigned i = 0; i < kPatchCount; ++i) fill_rect(view, patch_rect(i, size_), patch_color(i));
}

void PatternPainter::draw_moving(std::uint32_t number, const PixelsView& view) const {
  barcode::draw(view, number);
  const Rect stage = stage_rect(size_);
  const std::uint32_t half = even(stage.size.width / 2);
  draw_texture(number, view, {stage.x, stage.y, {half, stage.size.height}});
  draw_grain(number, view, {stage.x + half, stage.y, {stage.size.width - half, stage.size.height}});
  draw_box(number, view, stage);
}

void PatternPainter::draw_texture(std::uint32_t number, const PixelsView& view, Rect where) const {
  for (unsigned plane = 0; plane < texture_.size(); ++plane) {
    const Tile& tile = texture_[plane];
    const std::uint32_t x0 = ((number % kTextureSide) * 4 % kTextureSide) >> tile.shift;
    const std::uint32_t y0 = ((number % kTextureSide) * 2 % kTextureSide) >> tile.shift;
    const std::uint32_t columns = where.size.width >> tile.shift;
    for (std::uint32_t y = 0; y < where.size.height >> tile.shift; ++y) {
      const std::uint32_t row = (y0 + y) % tile.size.height;
      copy_repeating(sample_at(view, plane, where.x >> tile.shift, (where.y >> tile.shift) + y,
                               tile.sample_bytes),
                     columns,
                     tile.bytes.data() + std::size_t{row} * tile.size.width * tile.sample_bytes,
                     tile.size.width, x0, tile.sample_bytes);
    }
  }
}

void PatternPainter::draw_grain(std::uint32_t number, const PixelsView& view, Rect where) const {
  for (std::uint32_t y = 0; y < where.size.height; ++y) {
    const std::uint32_t start = mix(mix(number) + y) % kNoiseLength;
    copy_repeating(sample_at(view, 0, where.x, where.y + y, noise_.sample_bytes), where.size.width,
                   noise_.bytes.data(), kNoiseLength, start, noise_.sample_bytes);
  }
  if (format_ != Fourcc::kNV12) return;
  for (std::uint32_t y = 0; y < where.size.height / 2; ++y) {
    std::memset(sample_at(view, 1, where.x / 2, where.y / 2 + y, 2), 128, where.size.width);
  }
}

void PatternPainter::draw_box(std::uint32_t number, const PixelsView& view, Rect stage) const {
  const Extent box{even(stage.size.width / 6), even(stage.size.height / 5)};
  if (box.empty()) return;
  const std::uint32_t x =
      stage.x + even(bounce(std::uint64_t{number} * 6, stage.size.width - box.width));
  const std::uint32_t y =
      stage.y + even(bounce(std::uint64_t{number} * 4, stage.size.height - box.height));
  fill_rect(view, {x, y, box}, {230, 120, 20});
  fill_rect(view, {x + box.width / 4, y + box.height / 4, {box.width / 2, box.height / 2}},
            {20, 60, 160});
}

}  // namespace lumen
