#include "zerocopy/cpu/convert.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

/// Writes an 8-bit sample into a row of bytes, or of 16-bit words that hold ten bits.
template <typename Sample>
void put(std::uint8_t* row, std::size_t index, std::uint8_t sample) {
  const auto wide = static_cast<Sample>(sample << (8 * (sizeof(Sample) - 1)));
  std::memcpy(row + index * sizeof(Sample), &wide, sizeof(Sample));
}

std::uint8_t* row_of(const TargetPicture& target, unsigned plane, std::size_t y) {
  return target.planes[plane] + y * target.pitches[plane].bytes;
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

void widen_luma(const Picture& source, const TargetPicture& target) {
  const std::size_t width = source.size.width;
  for (std::size_t y = 0; y < target.size.height; ++y) {
    const std::size_t source_y = std::min<std::size_t>(y, source.size.height - 1);
    const std::uint8_t* const from = source.planes[0] + source_y * source.pitches[0].bytes;
    std::uint8_t* const to = row_of(target, 0, y);
    for (std::size_t x = 0; x < width; ++x) put<std::uint16_t>(to, x, from[x]);
    if (width % 2 != 0) put<std::uint16_t>(to, width, from[width - 1]);
  }
}

void widen_pairs(const Picture& source, const TargetPicture& target) {
  const auto [row_bytes, rows] = plane_extent(Fourcc::kNV12, source.size, 1);
  for (std::size_t y = 0; y < rows; ++y) {
    const std::uint8_t* const from = source.planes[1] + y * source.pitches[1].bytes;
    std::uint8_t* const to = row_of(target, 1, y);
    for (std::size_t i = 0; i < row_bytes; ++i) put<std::uint16_t>(to, i, from[i]);
  }
}

/// Each pixel of a 2×2 block gets the block's chroma.
template <typename Sample>
void repeat_chroma(const Picture& source, const TargetPicture& target) {
  for (std::size_t y = 0; y < target.size.height; ++y) {
    const std::uint8_t* const from = source.planes[1] + y / 2 * source.pitches[1].bytes;
    std::uint8_t* const cb = row_of(target, 1, y);
    std::uint8_t* const cr = row_of(target, 2, y);
    for (std::size_t x = 0; x < target.size.width; ++x) {
      put<Sample>(cb, x, from[x / 2 * 2]);
      put<Sample>(cr, x, from[x / 2 * 2 + 1]);
    }
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

void convert_nv12(const Picture& source, const TargetPicture& target) {
  if (is_ten_bit(target.format)) {
    widen_luma(source, target);
  } else {
    copy_luma(source, target);
  }
  switch (target.format) {
    case Fourcc::kP010: return widen_pairs(source, target);
    case Fourcc::kI444: return repeat_chroma<std::uint8_t>(source, target);
    case Fourcc::kQ410: return repeat_chroma<std::uint16_t>(source, target);
    default: return copy_chroma(source, target);
  }
}

}  // namespace

Result<void> convert(const Picture& source, const TargetPicture& target,
                     const ColorDescription& color) {
  if (!well_formed(source)) return fail(ErrorKind::kInvalidArgument, "impossible source picture");
  if (!well_formed(target) || target.size != even_size(source.size) || !is_yuv(target.format)) {
    return fail(ErrorKind::kInvalidArgument, "impossible target picture");
  }
  if (is_packed_rgb(source.format)) {
    const auto coefficients =
        make_rgb_coefficients(color, source.format, is_ten_bit(target.format) ? 10 : 8);
    const auto kernel = is_full_chroma(target.format) ? &convert_rgb_444 : &convert_rgb_420;
    kernel(source, target, coefficients);
    return {};
  }
  if (source.format == Fourcc::kNV12) {
    convert_nv12(source, target);
    return {};
  }
  return fail(ErrorKind::kInvalidArgument, "can't convert from " + to_string(source.format));
}

}  // namespace lumen::cpu
