#include "encode/software/damage_map.h"

#include <algorithm>
#include <cstddef>

namespace lumen::software {
namespace {

constexpr std::uint32_t kBlock = 16;

std::uint32_t blocks(std::uint64_t pixels) {
  return static_cast<std::uint32_t>((pixels + kBlock - 1) / kBlock);
}

}  // namespace

DamageMap::DamageMap(Extent size, std::uint8_t unchanged)
    : blocks_{blocks(size.width), blocks(size.height)},
      unchanged_(unchanged),
      flags_(std::size_t{blocks_.width} * blocks_.height) {}

std::span<std::uint8_t> DamageMap::of(std::span<const Rect> damage) {
  std::ranges::fill(flags_, unchanged_);
  for (const Rect& rect : damage) {
    if (rect.size.empty()) continue;
    const std::uint32_t left = rect.x / kBlock;
    const std::uint32_t right =
        std::min(blocks_.width, blocks(std::uint64_t{rect.x} + rect.size.width));
    const std::uint32_t bottom =
        std::min(blocks_.height, blocks(std::uint64_t{rect.y} + rect.size.height));
    if (left >= right) continue;
    for (std::uint32_t y = rect.y / kBlock; y < bottom; ++y) {
      std::uint8_t* const row = flags_.data() + std::size_t{y} * blocks_.width;
      std::fill(row + left, row + right, std::uint8_t{0});
    }
  }
  return flags_;
}

}  // namespace lumen::software
