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

/// Samples are bytes, or ten bits in the upper end of words. Fewer bits are rounded to.
template <typename From, typename To>
To resized(From sample) {
  if constexpr (sizeof(From) == sizeof(To)) {
    return sample;
  } else if constexpr (sizeof(From) < sizeof(To)) {
    return static_cast<To>(sample << 8);
  } else {
    return static_cast<To>(std::min(sample + 0x80, 0xffff) >> 8);
  }
}

/// Sample `to_index` of one row becomes sample `from_index` of another.
template <typename From, typename To>
void move_sample(const std::uint8_t* from, std::size_t from_index, std::uint8_t* to,
                 std::size_t to_index) {
  From sample{};
  std::memcpy(&sample, from + from_index * sizeof(From), sizeof(From));
  const To made = resized<From, To>(sample);
  std::memcpy(to + to_index * sizeof(To), &made, sizeof(To));
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

template <typename From, typename To>
void move_luma(const Picture& source, const TargetPicture& target) {
  const std::size_t width = source.size.width;
  for (std::size_t y = 0; y < target.size.height; ++y) {
    const std::size_t source_y = std::min<std::size_t>(y, source.size.height - 1);
    const std::uint8_t* const from = source.planes[0] + source_y * source.pitches[0].bytes;
    std::uint8_t* const to = row_of(target, 0, y);
    for (std::size_t x = 0; x < target.size.width; ++x) {
      move_sample<From, To>(from, std::min(x, width - 1), to, x);
    }
  }
}

/// Chroma in turn, and as it is.
template <typename From, typename To>
void move_pairs(const Picture& source, const TargetPicture& target) {
  for (std::size_t y = 0; y < target.size.height / 2; ++y) {
    const std::uint8_t* const from = source.planes[1] + y * source.pitches[1].bytes;
    std::uint8_t* const to = row_of(target, 1, y);
    for (std::size_t i = 0; i < target.size.width; ++i) move_sample<From, To>(from, i, to, i);
  }
}

template <typename From, typename To>
void split_pairs(const Picture& source, const TargetPicture& target) {
  for (std::size_t y = 0; y < target.size.height / 2; ++y) {
    const std::uint8_t* const from = source.planes[1] + y * source.pitches[1].bytes;
    for (std::size_t x = 0; x < target.size.width / 2; ++x) {
      move_sample<From, To>(from, 2 * x, row_of(target, 1, y), x);
      move_sample<From, To>(from, 2 * x + 1, row_of(target, 2, y), x);
    }
  }
}

/// Each pixel of a 2×2 block gets the block's chroma.
template <typename From, typename To>
void repeat_chroma(const Picture& source, const TargetPicture& target) {
  for (std::size_t y = 0; y < target.size.height; ++y) {
    const std::uint8_t* const from = source.planes[1] + y / 2 * source.pitches[1].bytes;
    for (std::size_t x = 0; x < target.size.width; ++x) {
      move_sample<From, To>(from, x / 2 * 2, row_of(target, 1, y), x);
      move_sample<From, To>(from, x / 2 * 2 + 1, row_of(target, 2, y), x);
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
  using Byte = std::uint8_t;
  using Word = std::uint16_t;
  if (is_ten_bit(target.format)) {
    move_luma<Byte, Word>(source, target);
  } else {
    copy_luma(source, target);
  }
  switch (target.format) {
    case Fourcc::kP010: return move_pairs<Byte, Word>(source, target);
    case Fourcc::kI444: return repeat_chroma<Byte, Byte>(source, target);
    case Fourcc::kQ410: return repeat_chroma<Byte, Word>(source, target);
    default: return copy_chroma(source, target);
  }
}

void convert_p010(const Picture& source, const TargetPicture& target) {
  using Byte = std::uint8_t;
  using Word = std::uint16_t;
  if (is_ten_bit(target.format)) {
    move_luma<Word, Word>(source, target);
  } else {
    move_luma<Word, Byte>(source, target);
  }
  switch (target.format) {
    case Fourcc::kP010: return move_pairs<Word, Word>(source, target);
    case Fourcc::kQ410: return repeat_chroma<Word, Word>(source, target);
    case Fourcc::kI444: return repeat_chroma<Word, Byte>(source, target);
    case Fourcc::kI420: return split_pairs<Word, Byte>(source, target);
    default: return move_pairs<Word, Byte>(source, target);
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
  if (source.format == Fourcc::kP010) {
    convert_p010(source, target);
    return {};
  }
  return fail(ErrorKind::kInvalidArgument, "can't convert from " + to_string(source.format));
}

}  // namespace lumen::cpu
