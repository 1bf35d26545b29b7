#include "zerocopy/cpu/convert.h"

#include <cstddef>
#include <cstring>

#include <libyuv/planar_functions.h>

#include "zerocopy/cpu/convert_rgb.h"
#include "zerocopy/rgb_coefficients.h"

namespace lumen::cpu {
namespace {

template <typename AnyPicture>
bool well_formed(const AnyPicture& picture) {
  if (picture.size.empty() || picture.size.width > kMaxSide || picture.size.height > kMaxSide) {
    return false;
  }
  for (unsigned plane = 0; plane < plane_count(picture.format); ++plane) {
    if (picture.planes[plane] == nullptr) return false;
    const PlaneExtent extent = plane_extent(picture.format, picture.size, plane);
    if (picture.pitches[plane].bytes < extent.row_bytes) return false;
  }
  return plane_count(picture.format) > 0;
}

/// Source luma in the even target, its last column and row repeated where they are missing.
void copy_luma(const Picture& source, const TargetPicture& target) {
  const std::size_t pitch = target.pitches[0].bytes;
  const std::size_t width = source.size.width;
  for (std::size_t y = 0; y < source.size.height; ++y) {
    std::uint8_t* row = target.planes[0] + y * pitch;
    std::memcpy(row, source.planes[0] + y * source.pitches[0].bytes, width);
    if (width % 2 != 0) row[width] = row[width - 1];
  }
  if (source.size.height % 2 != 0) {
    std::uint8_t* last = target.planes[0] + (target.size.height - std::size_t{1}) * pitch;
    std::memcpy(last, last - pitch, target.size.width);
  }
}

void copy_chroma(const Picture& source, const TargetPicture& target) {
  const auto [row_bytes, rows] = plane_extent(Fourcc::kNV12, source.size, 1);
  const int pitch = static_cast<int>(source.pitches[1].bytes);
  if (target.format == Fourcc::kNV12) {
    libyuv::CopyPlane(source.planes[1], pitch, target.planes[1],
                      static_cast<int>(target.pitches[1].bytes), static_cast<int>(row_bytes),
                      static_cast<int>(rows));
  } else {
    libyuv::SplitUVPlane(source.planes[1], pitch, target.planes[1],
                         static_cast<int>(target.pitches[1].bytes), target.planes[2],
                         static_cast<int>(target.pitches[2].bytes), static_cast<int>(row_bytes / 2),
                         static_cast<int>(rows));
  }
}

}  // namespace

Result<void> convert(const Picture& source, const TargetPicture& target,
                     const ColorDescription& color) {
  if (!well_formed(source)) return fail(ErrorKind::kInvalidArgument, "impossible source picture");
  if (!well_formed(target) || target.size != even_size(source.size) ||
      (target.format != Fourcc::kNV12 && target.format != Fourcc::kI420)) {
    return fail(ErrorKind::kInvalidArgument, "impossible target picture");
  }
  if (is_packed_rgb(source.format)) {
    convert_rgb(source, target, make_rgb_coefficients(color, source.format));
    return {};
  }
  if (source.format == Fourcc::kNV12) {
    copy_luma(source, target);
    copy_chroma(source, target);
    return {};
  }
  return fail(ErrorKind::kInvalidArgument, "can't convert from " + to_string(source.format));
}

}  // namespace lumen::cpu
