#include "zerocopy/cpu/scale.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <libyuv/scale.h>

namespace lumen::cpu {
namespace {

constexpr std::uint16_t kTenBits = 0xffc0;  // of a word

/// A row of a plane, as bytes and rows.
void paint(const TargetPicture& target, unsigned plane, const Rect& bytes, std::uint8_t value) {
  // Ten bits of black lie in the word's upper byte, all of them: 16 << 2 and 128 << 2.
  const bool words = is_ten_bit(target.format);
  for (std::size_t y = bytes.y; y < std::size_t{bytes.y} + bytes.size.height; ++y) {
    std::uint8_t* const row = target.planes[plane] + y * target.pitches[plane].bytes + bytes.x;
    std::memset(row, words ? 0 : value, bytes.size.width);
    for (std::size_t x = 1; words && x < bytes.size.width; x += 2) row[x] = value;
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
  const std::uint32_t bytes = is_ten_bit(format) ? 2 : 1;
  const bool halved = plane > 0 && !is_full_chroma(format);
  // Two samples in the place of two pixels where Cb and Cr lie in turn.
  const std::uint32_t across = halved && plane_count(format) == 3 ? 2 : 1;
  const std::uint32_t down = halved ? 2 : 1;
  return {pixels.x / across * bytes,
          pixels.y / down,
          {pixels.size.width / across * bytes, pixels.size.height / down}};
}

int as_int(std::uint32_t value) { return static_cast<int>(value); }

/// Planes as libyuv takes them; strides of words for words.
template <typename Sample, typename Byte>
struct Planes {
  std::array<Sample*, 3> at{};
  std::array<int, 3> strides{};

  Planes(const std::array<Byte*, 3>& planes, const std::array<Pitch, 3>& pitches) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      at[i] = reinterpret_cast<Sample*>(planes[i]);
      strides[i] = static_cast<int>(pitches[i].bytes / sizeof(Sample));
    }
  }
};
using BytesIn = Planes<const std::uint8_t, const std::uint8_t>;
using BytesOut = Planes<std::uint8_t, std::uint8_t>;
using WordsIn = Planes<const std::uint16_t, const std::uint8_t>;
using WordsOut = Planes<std::uint16_t, std::uint8_t>;

int scale_nv12(const BytesIn& from, Extent source, const BytesOut& to, Extent inner) {
  return libyuv::NV12Scale(from.at[0], from.strides[0], from.at[1], from.strides[1],
                           as_int(source.width), as_int(source.height), to.at[0], to.strides[0],
                           to.at[1], to.strides[1], as_int(inner.width), as_int(inner.height),
                           libyuv::kFilterBox);
}

/// Three planes, of bytes or words: `scale` is libyuv's function for the format.
template <typename Scale, typename From, typename To>
int scale_planar(Scale scale, const From& from, Extent source, const To& to, Extent inner) {
  return scale(from.at[0], from.strides[0], from.at[1], from.strides[1], from.at[2],
               from.strides[2], as_int(source.width), as_int(source.height), to.at[0],
               to.strides[0], to.at[1], to.strides[1], to.at[2], to.strides[2], as_int(inner.width),
               as_int(inner.height), libyuv::kFilterBox);
}

/// Filters leave more than ten bits.
std::uint16_t rounded(std::uint16_t word) {
  return static_cast<std::uint16_t>(std::min(word + 32, 0xffff)) & kTenBits;
}

void round_plane(std::uint16_t* plane, int stride, std::uint32_t width, std::uint32_t rows) {
  for (std::uint32_t y = 0; y < rows; ++y) {
    std::uint16_t* const row = plane + std::ptrdiff_t{stride} * y;
    for (std::uint32_t x = 0; x < width; ++x) row[x] = rounded(row[x]);
  }
}

/// libyuv scales words of interleaved chroma in some ratios only: they are taken apart for it.
int scale_p010(const WordsIn& from, Extent source, const WordsOut& to, Extent inner) {
  const Extent half{source.width / 2, source.height / 2};
  const Extent half_inner{inner.width / 2, inner.height / 2};
  const std::size_t in_plane = std::size_t{half.width} * half.height;
  const std::size_t out_plane = std::size_t{half_inner.width} * half_inner.height;
  std::vector<std::uint16_t> apart(2 * (in_plane + out_plane));
  std::uint16_t* const cb = apart.data();
  std::uint16_t* const cr = cb + in_plane;
  std::uint16_t* const scaled_cb = cr + in_plane;
  std::uint16_t* const scaled_cr = scaled_cb + out_plane;
  for (std::uint32_t y = 0; y < half.height; ++y) {
    const std::uint16_t* const pairs = from.at[1] + std::ptrdiff_t{from.strides[1]} * y;
    for (std::size_t x = 0; x < half.width; ++x) {
      cb[std::size_t{y} * half.width + x] = pairs[2 * x];
      cr[std::size_t{y} * half.width + x] = pairs[2 * x + 1];
    }
  }
  const int failed = libyuv::I420Scale_16(
      from.at[0], from.strides[0], cb, as_int(half.width), cr, as_int(half.width),
      as_int(source.width), as_int(source.height), to.at[0], to.strides[0], scaled_cb,
      as_int(half_inner.width), scaled_cr, as_int(half_inner.width), as_int(inner.width),
      as_int(inner.height), libyuv::kFilterBox);
  for (std::uint32_t y = 0; y < half_inner.height; ++y) {
    std::uint16_t* const pairs = to.at[1] + std::ptrdiff_t{to.strides[1]} * y;
    for (std::size_t x = 0; x < half_inner.width; ++x) {
      pairs[2 * x] = scaled_cb[std::size_t{y} * half_inner.width + x];
      pairs[2 * x + 1] = scaled_cr[std::size_t{y} * half_inner.width + x];
    }
  }
  return failed;
}

int scale_planes(const Picture& source, const TargetPicture& target, const Rect& inner) {
  std::array<std::uint8_t*, 3> to{};
  for (unsigned plane = 0; plane < plane_count(target.format); ++plane) {
    const Rect rect = plane_rect(target.format, plane, inner);
    to[plane] = target.planes[plane] + std::size_t{rect.y} * target.pitches[plane].bytes + rect.x;
  }
  const BytesIn bytes_in(source.planes, source.pitches);
  const BytesOut bytes_out(to, target.pitches);
  const WordsIn words_in(source.planes, source.pitches);
  const WordsOut words_out(to, target.pitches);
  const Extent from = source.size;
  switch (target.format) {
    case Fourcc::kNV12: return scale_nv12(bytes_in, from, bytes_out, inner.size);
    case Fourcc::kI444:
      return scale_planar(&libyuv::I444Scale, bytes_in, from, bytes_out, inner.size);
    case Fourcc::kP010: return scale_p010(words_in, from, words_out, inner.size);
    case Fourcc::kQ410:
      return scale_planar(&libyuv::I444Scale_16, words_in, from, words_out, inner.size);
    default: return scale_planar(&libyuv::I420Scale, bytes_in, from, bytes_out, inner.size);
  }
}

void round_planes(const TargetPicture& target, const Rect& inner) {
  for (unsigned plane = 0; plane < plane_count(target.format); ++plane) {
    const Rect rect = plane_rect(target.format, plane, inner);
    auto* const first = reinterpret_cast<std::uint16_t*>(
        target.planes[plane] + std::size_t{rect.y} * target.pitches[plane].bytes + rect.x);
    round_plane(first, as_int(target.pitches[plane].bytes / 2), rect.size.width / 2,
                rect.size.height);
  }
}

/// Words on addresses of words: what libyuv needs.
template <typename AnyPicture>
bool aligned(const AnyPicture& picture) {
  if (!is_ten_bit(picture.format)) return true;
  for (unsigned plane = 0; plane < plane_count(picture.format); ++plane) {
    const auto address = reinterpret_cast<std::uintptr_t>(picture.planes[plane]);
    if (address % 2 != 0 || picture.pitches[plane].bytes % 2 != 0) return false;
  }
  return true;
}

}  // namespace

Result<void> scale_letterboxed(const Picture& source, const TargetPicture& target,
                               ColorRange range) {
  if (source.format != target.format || source.size.empty() || target.size.empty() ||
      even_size(target.size) != target.size || even_size(source.size) != source.size ||
      !is_yuv(target.format) || !aligned(source) || !aligned(target)) {
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
  if (is_ten_bit(target.format)) round_planes(target, inner);
  return {};
}

}  // namespace lumen::cpu
