#include "zerocopy/cpu/scale.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <libyuv/scale.h>

namespace lumen::cpu {
namespace {

void paint(const TargetPicture& target, unsigned plane, const Rect& bytes, std::uint8_t value) {
  for (std::size_t y = bytes.y; y < std::size_t{bytes.y} + bytes.size.height; ++y) {
    std::memset(target.planes[plane] + y * target.pitches[plane].bytes + bytes.x, value,
                bytes.size.width);
  }
}

/// Everything of a plane outside `inner` (in that plane's bytes and rows).
void paint_around(const TargetPicture& target, unsigned plane, const Rect& inner,
                  std::uint8_t value) {
  const PlaneExtent extent = plane_extent(target.format, target.size, plane);
  const auto width = static_cast<std::uint32_t>(extent.row_bytes);
  const std::uint32_t right = inner.x + inner.size.width;
  const std::uint32_t bottom = inner.y + inner.size.height;
  paint(target, plane, {0, 0, {width, inner.y}}, value);
  paint(target, plane, {0, bottom, {width, extent.rows - bottom}}, value);
  paint(target, plane, {0, inner.y, {inner.x, inner.size.height}}, value);
  paint(target, plane, {right, inner.y, {width - right, inner.size.height}}, value);
}

/// The part of a plane that belongs to a rectangle of pixels, in bytes and rows.
Rect plane_rect(Fourcc format, unsigned plane, const Rect& pixels) {
  if (plane == 0) return pixels;
  const std::uint32_t horizontal = format == Fourcc::kNV12 ? 1 : 2;
  return {pixels.x / horizontal,
          pixels.y / 2,
          {pixels.size.width / horizontal, pixels.size.height / 2}};
}

int as_int(std::uint32_t value) { return static_cast<int>(value); }

int scale_planes(const Picture& source, const TargetPicture& target, const Rect& inner) {
  std::array<std::uint8_t*, 3> to{};
  for (unsigned plane = 0; plane < plane_count(target.format); ++plane) {
    const Rect rect = plane_rect(target.format, plane, inner);
    to[plane] = target.planes[plane] + std::size_t{rect.y} * target.pitches[plane].bytes + rect.x;
  }
  const auto from_pitch = [&](unsigned plane) { return as_int(source.pitches[plane].bytes); };
  const auto to_pitch = [&](unsigned plane) { return as_int(target.pitches[plane].bytes); };
  if (target.format == Fourcc::kNV12) {
    return libyuv::NV12Scale(source.planes[0], from_pitch(0), source.planes[1], from_pitch(1),
                             as_int(source.size.width), as_int(source.size.height), to[0],
                             to_pitch(0), to[1], to_pitch(1), as_int(inner.size.width),
                             as_int(inner.size.height), libyuv::kFilterBox);
  }
  return libyuv::I420Scale(source.planes[0], from_pitch(0), source.planes[1], from_pitch(1),
                           source.planes[2], from_pitch(2), as_int(source.size.width),
                           as_int(source.size.height), to[0], to_pitch(0), to[1], to_pitch(1),
                           to[2], to_pitch(2), as_int(inner.size.width), as_int(inner.size.height),
                           libyuv::kFilterBox);
}

}  // namespace

Result<void> scale_letterboxed(const Picture& source, const TargetPicture& target,
                               ColorRange range) {
  if (source.format != target.format || source.size.empty() || target.size.empty() ||
      even_size(target.size) != target.size ||
      (target.format != Fourcc::kNV12 && target.format != Fourcc::kI420)) {
    return fail(ErrorKind::kInvalidArgument, "can't scale between these pictures");
  }
  const Rect inner = fit_rectangle(source.size, target.size);
  for (unsigned plane = 0; plane < plane_count(target.format); ++plane) {
    const std::uint8_t black_luma = range == ColorRange::kLimited ? 16 : 0;
    paint_around(target, plane, plane_rect(target.format, plane, inner),
                 plane == 0 ? black_luma : std::uint8_t{128});
  }
  if (scale_planes(source, target, inner) != 0) {
    return fail(ErrorKind::kIo, "libyuv could not scale the picture");
  }
  return {};
}

}  // namespace lumen::cpu
