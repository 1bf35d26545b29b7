// Pointers and pictures of chance, the same each time, for tests that draw the one on the other.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "capture/cursor.h"
#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/frame_geometry.h"

namespace lumen::test {

inline Cursor cursor_at(std::int32_t x, std::int32_t y, Extent size) {
  auto shape = std::make_shared<CursorShape>();
  shape->size = size;
  std::mt19937 random(3);
  for (std::uint32_t i = 0; i < size.width * size.height; ++i) {
    const auto alpha = static_cast<std::uint8_t>(random());
    for (int c = 0; c < 3; ++c) {
      shape->pixels.push_back(static_cast<std::uint8_t>(random() % (alpha + 1U)));
    }
    shape->pixels.push_back(alpha);
  }
  return {std::move(shape), x, y};
}

inline CpuImage noise(Fourcc format, Extent size) {
  auto pool = cpu::ImagePool::create(format, size, 1);
  auto image = (*pool)->acquire();
  std::mt19937 random(9);
  for (unsigned plane = 0; plane < plane_count(format); ++plane) {
    const PlaneExtent extent = plane_extent(format, size, plane);
    for (std::uint32_t row = 0; row < extent.rows; ++row) {
      std::uint8_t* const bytes =
          image->planes[plane] + std::size_t{row} * image->pitches[plane].bytes;
      for (std::size_t i = 0; i < extent.row_bytes; ++i) {
        bytes[i] = static_cast<std::uint8_t>(random());
        if (is_ten_bit(format) && i % 2 == 0) bytes[i] &= 0xc0;
      }
    }
  }
  return *image;
}

/// Without what pads the rows.
inline std::vector<std::uint8_t> bytes_of(const CpuImage& image, Extent size) {
  std::vector<std::uint8_t> bytes;
  for (unsigned plane = 0; plane < plane_count(image.format); ++plane) {
    const PlaneExtent extent = plane_extent(image.format, size, plane);
    for (std::size_t y = 0; y < extent.rows; ++y) {
      const std::uint8_t* const row = image.planes[plane] + y * image.pitches[plane].bytes;
      bytes.insert(bytes.end(), row, row + extent.row_bytes);
    }
  }
  return bytes;
}

}  // namespace lumen::test
