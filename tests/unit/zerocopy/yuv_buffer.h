// A YUV picture with its own memory and any pitch, for tests. Bytes outside the rows hold a mark
// that shows whether somebody wrote there.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "zerocopy/cpu/picture.h"

namespace lumen::test {

class YuvBuffer {
 public:
  static constexpr std::uint8_t kMark = 0xa5;

  YuvBuffer(Fourcc format, Extent size, std::uint32_t padding = 0) {
    picture_.format = format;
    picture_.size = size;
    for (unsigned plane = 0; plane < plane_count(format); ++plane) {
      const PlaneExtent extent = plane_extent(format, size, plane);
      picture_.pitches[plane] = Pitch{static_cast<std::uint32_t>(extent.row_bytes) + padding};
      bytes_[plane].assign(std::size_t{picture_.pitches[plane].bytes} * extent.rows, kMark);
      picture_.planes[plane] = bytes_[plane].data();
    }
  }
  [[nodiscard]] const cpu::TargetPicture& target() const { return picture_; }
  [[nodiscard]] cpu::Picture source() const { return picture_.readable(); }

  /// A code value: of eight bits, or of ten in the upper end of a word whose lower end is zero; -1
  /// where it is not.
  [[nodiscard]] int y(std::size_t column, std::size_t row) const { return at(0, column, row); }
  /// Chroma of the pixel, or of the 2×2 block that has it.
  [[nodiscard]] int cb(std::size_t column, std::size_t row) const { return chroma(column, row, 0); }
  [[nodiscard]] int cr(std::size_t column, std::size_t row) const { return chroma(column, row, 1); }
  [[nodiscard]] bool padding_untouched() const {
    for (unsigned plane = 0; plane < plane_count(picture_.format); ++plane) {
      const auto extent = plane_extent(picture_.format, picture_.size, plane);
      const std::size_t pitch = picture_.pitches[plane].bytes;
      for (std::size_t i = 0; i < bytes_[plane].size(); ++i) {
        if (i % pitch >= extent.row_bytes && bytes_[plane][i] != kMark) return false;
      }
    }
    return true;
  }

 private:
  [[nodiscard]] int at(std::size_t plane, std::size_t index, std::size_t row) const {
    const std::uint8_t* const start = picture_.planes[plane] + row * picture_.pitches[plane].bytes;
    if (!is_ten_bit(picture_.format)) return start[index];
    const int word = start[2 * index] | start[2 * index + 1] << 8;
    return (word & 63) == 0 ? word >> 6 : -1;
  }
  [[nodiscard]] int chroma(std::size_t column, std::size_t row, unsigned which) const {
    if (is_full_chroma(picture_.format)) return at(1 + which, column, row);
    if (plane_count(picture_.format) == 2) return at(1, column / 2 * 2 + which, row / 2);
    return at(1 + which, column / 2, row / 2);
  }

  cpu::TargetPicture picture_;
  std::array<std::vector<std::uint8_t>, 3> bytes_;
};

/// Reads any YUV picture like a YuvBuffer does.
inline YuvBuffer copy_of(const cpu::Picture& picture) {
  YuvBuffer result(picture.format, picture.size);
  for (unsigned plane = 0; plane < plane_count(picture.format); ++plane) {
    const auto extent = plane_extent(picture.format, picture.size, plane);
    for (std::size_t row = 0; row < extent.rows; ++row) {
      std::copy_n(picture.planes[plane] + row * picture.pitches[plane].bytes, extent.row_bytes,
                  result.target().planes[plane] + row * result.target().pitches[plane].bytes);
    }
  }
  return result;
}

}  // namespace lumen::test
