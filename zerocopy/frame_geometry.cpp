#include "zerocopy/frame_geometry.h"

#include <algorithm>

namespace lumen {
namespace {

/// side * numerator / denominator, rounded to the nearest even number, within 2 and `limit`.
std::uint32_t scaled_side(std::uint32_t side, std::uint32_t numerator, std::uint32_t denominator,
                          std::uint32_t limit) {
  const std::uint64_t twice = std::uint64_t{2} * denominator;
  const std::uint64_t pairs = (std::uint64_t{side} * numerator + denominator) / twice;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(pairs * 2, 2, limit));
}

}  // namespace

Rect fit_rectangle(Extent source, Extent target) {
  Extent fitted = target;
  // Compares the aspect ratios: which side touches the target's edge?
  const std::uint64_t by_width = std::uint64_t{target.width} * source.height;
  const std::uint64_t by_height = std::uint64_t{target.height} * source.width;
  if (by_width < by_height) {
    fitted.height = scaled_side(source.height, target.width, source.width, target.height);
  } else if (by_width > by_height) {
    fitted.width = scaled_side(source.width, target.height, source.height, target.width);
  }
  return {(target.width - fitted.width) / 4 * 2, (target.height - fitted.height) / 4 * 2, fitted};
}

Result<Rect> visible_part(const CapturedFrame& captured) {
  const Extent size = captured.size;
  const Rect crop = captured.crop;
  const bool fits = std::uint64_t{crop.x} + crop.size.width <= size.width &&
                    std::uint64_t{crop.y} + crop.size.height <= size.height;
  if (size.empty() || size.width > kMaxSide || size.height > kMaxSide || crop.size.empty() ||
      !fits) {
    return fail(ErrorKind::kInvalidArgument, "impossible frame size or crop");
  }
  if (is_packed_rgb(captured.format)) return crop;
  return Rect{crop.x / 2 * 2, crop.y / 2 * 2, crop.size};
}

}  // namespace lumen
