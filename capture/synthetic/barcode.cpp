#include "capture/synthetic/barcode.h"

#include <algorithm>
#include <array>

namespace lumen::barcode {
namespace {

constexpr std::uint32_t kColumns = 24;
constexpr std::uint32_t kRows = 2;
constexpr std::uint32_t kStripShare = 8;  // the strip takes 1/8 of the height
constexpr std::uint32_t kSyncCells = 2;   // at each end of a row

// Least distance of white and black sync cells, of 255: below it there is no barcode, only noise.
constexpr std::uint32_t kLeastContrast = 64;

using Cells = std::array<bool, kColumns * kRows>;

std::uint8_t crc8(std::uint32_t number) {
  std::uint32_t crc = 0xff;
  for (int shift = 24; shift >= 0; shift -= 8) {
    crc ^= (number >> shift) & 0xffU;
    for (int bit = 0; bit < 8; ++bit) {
      crc = ((crc << 1) ^ ((crc & 0x80U) != 0 ? 0x07U : 0U)) & 0xffU;
    }
  }
  return static_cast<std::uint8_t>(crc);
}

bool is_sync(std::uint32_t column) {
  return column < kSyncCells || column >= kColumns - kSyncCells;
}

bool sync_value(std::uint32_t row, std::uint32_t column) { return (row + column) % 2 == 0; }

Cells cells_of(std::uint32_t number) {
  const std::uint64_t code = std::uint64_t{number} << 8 | crc8(number);
  Cells cells{};
  int bit = 39;
  for (std::uint32_t i = 0; i < cells.size(); ++i) {
    const std::uint32_t row = i / kColumns;
    const std::uint32_t column = i % kColumns;
    cells[i] = is_sync(column) ? sync_value(row, column) : ((code >> bit--) & 1U) != 0;
  }
  return cells;
}

/// Start of cell i, in 1/scale of a cell, along `cells` cells of `length` pixels.
std::uint32_t edge(std::uint32_t i, std::uint32_t length, std::uint32_t cells,
                   std::uint32_t scale = 1) {
  return static_cast<std::uint32_t>(std::uint64_t{i} * length / (std::uint64_t{cells} * scale));
}

/// Mean luma of the middle half of a cell, which keeps clear of blurred edges.
std::uint32_t middle_of_cell(const std::uint8_t* luma, Pitch pitch, Extent size, std::uint32_t row,
                             std::uint32_t column) {
  const std::uint32_t left = edge(4 * column + 1, size.width, kColumns, 4);
  const std::uint32_t right = std::max(left + 1, edge(4 * column + 3, size.width, kColumns, 4));
  const std::uint32_t top = edge(4 * row + 1, size.height, kStripShare * kRows, 4);
  const std::uint32_t bottom =
      std::max(top + 1, edge(4 * row + 3, size.height, kStripShare * kRows, 4));
  std::uint64_t sum = 0;
  for (std::uint32_t y = top; y < bottom; ++y) {
    const std::uint8_t* const line = luma + std::size_t{y} * pitch.bytes;
    for (std::uint32_t x = left; x < right; ++x) sum += line[x];
  }
  return static_cast<std::uint32_t>(sum / ((right - left) * std::uint64_t{bottom - top}));
}

}  // namespace

Rect strip(Extent picture) { return {0, 0, {picture.width, picture.height / kStripShare}}; }

void draw(const PixelsView& view, std::uint32_t number) {
  const Cells cells = cells_of(number);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    const std::uint32_t top = edge(row, view.size.height, kStripShare * kRows);
    const std::uint32_t bottom = edge(row + 1, view.size.height, kStripShare * kRows);
    for (std::uint32_t column = 0; column < kColumns; ++column) {
      const std::uint32_t left = edge(column, view.size.width, kColumns);
      const std::uint32_t right = edge(column + 1, view.size.width, kColumns);
      const std::uint8_t level = cells[row * kColumns + column] ? 255 : 0;
      fill_rect(view, {left, top, {right - left, bottom - top}}, {level, level, level});
    }
  }
}

std::optional<std::uint32_t> read_luma(const std::uint8_t* luma, Pitch pitch, Extent size) {
  if (size.width < kColumns || size.height < kStripShare * kRows) return std::nullopt;
  std::array<std::uint32_t, kColumns * kRows> levels{};
  std::uint32_t darkest_white = 255;
  std::uint32_t brightest_black = 0;
  for (std::uint32_t i = 0; i < levels.size(); ++i) {
    const std::uint32_t row = i / kColumns;
    const std::uint32_t column = i % kColumns;
    levels[i] = middle_of_cell(luma, pitch, size, row, column);
    if (!is_sync(column)) continue;
    if (sync_value(row, column)) {
      darkest_white = std::min(darkest_white, levels[i]);
    } else {
      brightest_black = std::max(brightest_black, levels[i]);
    }
  }
  if (darkest_white < brightest_black + kLeastContrast) return std::nullopt;

  const std::uint32_t threshold = (darkest_white + brightest_black) / 2;
  std::uint64_t code = 0;
  for (std::uint32_t i = 0; i < levels.size(); ++i) {
    if (!is_sync(i % kColumns)) code = code << 1 | (levels[i] > threshold ? 1U : 0U);
  }
  const auto number = static_cast<std::uint32_t>(code >> 8);
  if (crc8(number) != (code & 0xffU)) return std::nullopt;
  return number;
}

}  // namespace lumen::barcode
