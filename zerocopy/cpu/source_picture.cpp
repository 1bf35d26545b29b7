#include "zerocopy/cpu/source_picture.h"

#include <string>

namespace lumen::cpu {
namespace {

/// Sides are at most kMaxSide and the rest 32-bit, so that 64 bits hold every product here.
bool lies_inside(const PlaneLayout& layout, const PlaneExtent& extent, std::size_t memory_bytes) {
  if (layout.pitch.bytes < extent.row_bytes) return false;
  const std::uint64_t end = std::uint64_t{layout.offset_bytes} +
                            std::uint64_t{layout.pitch.bytes} * (extent.rows - 1) +
                            extent.row_bytes;
  return end <= memory_bytes;
}

}  // namespace

Result<Picture> locate_picture(const CapturedFrame& captured, const Rect& visible,
                               std::span<const PlaneLayout> layouts, const PlaneMemory& memory) {
  Picture picture{captured.format, visible.size, {}, {}};
  const unsigned count = plane_count(captured.format);
  if (count == 0 || count > layouts.size() || count > picture.planes.size()) {
    return fail(ErrorKind::kInvalidArgument, "a frame has too few planes for its format");
  }
  const std::size_t bytes_per_pixel = is_packed_rgb(captured.format) ? 4
                                      : is_ten_bit(captured.format)  ? 2
                                                                     : 1;
  for (unsigned plane = 0; plane < count; ++plane) {
    const PlaneLayout& layout = layouts[plane];
    const std::span<const std::byte> bytes = memory[plane];
    if (!lies_inside(layout, plane_extent(captured.format, captured.size, plane), bytes.size())) {
      return fail(ErrorKind::kInvalidArgument,
                  "plane " + std::to_string(plane) + " leaves its memory");
    }
    // NV12: a CbCr pair per two pixels is as many bytes to the right as luma, half as far down.
    const std::size_t row = plane == 0 ? visible.y : visible.y / 2;
    const std::size_t offset =
        std::size_t{layout.offset_bytes} + row * layout.pitch.bytes + visible.x * bytes_per_pixel;
    picture.planes[plane] = reinterpret_cast<const std::uint8_t*>(bytes.data()) + offset;
    picture.pitches[plane] = layout.pitch;
  }
  return picture;
}

}  // namespace lumen::cpu
