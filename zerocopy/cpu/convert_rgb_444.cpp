// Compiled once per instruction set: Highway's foreach_target.h includes this file again for each.
#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL  // Highway 1.0 leaves the newer AVX-512 out unless asked; it packs faster
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "zerocopy/cpu/convert_rgb_444.cpp"
#include <hwy/foreach_target.h>  // first, before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "zerocopy/cpu/convert_rgb.h"
#include "zerocopy/cpu/rgb_vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lumen::cpu {
namespace HWY_NAMESPACE {

/// A row of each plane.
using Row = std::array<std::uint8_t*, 3>;

/// Bytes of a sample.
constexpr std::size_t kByte = 1;
constexpr std::size_t kWord = 2;

// The chroma coefficients are made for the sum of a 2×2 block: here a pixel counts four times.
#if HWY_TARGET == HWY_SCALAR

template <Depth kDepth, std::size_t kSampleBytes>
void convert_444_span(const std::uint8_t* source, const Row& row, std::size_t width,
                      const RgbCoefficients& c) {
  constexpr auto put = kSampleBytes == kWord ? &put_word : &put_byte;
  constexpr unsigned kExtra = extra_bits(static_cast<unsigned>(kDepth));
  for (std::size_t x = 0; x < width; ++x) {
    const std::uint8_t* const pixel = source + x * kBytesPerPixel;
    put(row[0], x, (dot<kDepth>(c.luma, pixel) + c.luma_bias) >> kExtra);
    put(row[1], x, (4 * dot<kDepth>(c.cb, pixel) + c.chroma_bias) >> kExtra);
    put(row[2], x, (4 * dot<kDepth>(c.cr, pixel) + c.chroma_bias) >> kExtra);
  }
}

#else

template <Depth kDepth, std::size_t kSampleBytes>
HWY_INLINE void convert_444_span(const std::uint8_t* source, const Row& row, std::size_t width,
                                 const RgbCoefficients& c) {
  const D32 d32;
  const D8 d8;
  const Packer packer;
  const V16 luma_outer = pair(c.luma[0], c.luma[2]);
  const V16 luma_middle = pair(c.luma[1] / 2, c.luma[1] - c.luma[1] / 2);
  const V16 cb_outer = pair(c.cb[0], c.cb[2]);
  const V16 cb_middle = pair(c.cb[1], 0);
  const V16 cr_outer = pair(c.cr[0], c.cr[2]);
  const V16 cr_middle = pair(c.cr[1], 0);
  const V32 luma_bias = hn::Set(d32, c.luma_bias);
  const V32 chroma_bias = hn::Set(d32, c.chroma_bias);
  const std::size_t vector_bytes = hn::Lanes(d8);
  const auto store = [&](V32 a, V32 b, V32 e, V32 f, std::uint8_t* to) HWY_ATTR {
    if constexpr (kSampleBytes == kWord) {
      hn::StoreU(hn::BitCast(d8, ten_bits(a, b)), d8, to);
      hn::StoreU(hn::BitCast(d8, ten_bits(e, f)), d8, to + vector_bytes);
    } else {
      hn::StoreU(packer.planar(a, b, e, f), d8, to);
    }
  };
  for (std::size_t x = 0; x < width; x += step()) {
    const std::uint8_t* const from = source + x * kBytesPerPixel;
    const V8 p0 = hn::LoadU(d8, from);
    const V8 p1 = hn::LoadU(d8, from + vector_bytes);
    const V8 p2 = hn::LoadU(d8, from + 2 * vector_bytes);
    const V8 p3 = hn::LoadU(d8, from + 3 * vector_bytes);
    const auto luma = [&](V8 pixels) HWY_ATTR {
      return dot<kDepth>(outer<kDepth>(pixels), middle<kDepth>(pixels), luma_outer, luma_middle,
                         luma_bias);
    };
    const auto chroma = [&](V8 pixels, V16 outer_row, V16 middle_row) HWY_ATTR {
      return dot<kDepth>(hn::ShiftLeft<2>(outer<kDepth>(pixels)),
                         hn::ShiftLeft<2>(middle<kDepth>(pixels)), outer_row, middle_row,
                         chroma_bias);
    };
    const auto cb = [&](V8 pixels) HWY_ATTR { return chroma(pixels, cb_outer, cb_middle); };
    const auto cr = [&](V8 pixels) HWY_ATTR { return chroma(pixels, cr_outer, cr_middle); };
    const std::size_t at = x * kSampleBytes;
    store(luma(p0), luma(p1), luma(p2), luma(p3), row[0] + at);
    store(cb(p0), cb(p1), cb(p2), cb(p3), row[1] + at);
    store(cr(p0), cr(p1), cr(p2), cr(p3), row[2] + at);
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

/// What is left at the right edge: fewer pixels than a step, one column repeated if they are odd.
/// Goes through buffers of a whole step, so that nothing outside the row is touched.
template <Depth kDepth, std::size_t kSampleBytes>
HWY_NOINLINE void convert_444_tail(const std::uint8_t* source, const Row& row, std::size_t x,
                                   std::size_t width, const RgbCoefficients& coefficients) {
  HWY_ALIGN std::uint8_t pixels[kMaxStep * kBytesPerPixel] = {};
  HWY_ALIGN std::uint8_t samples[3][kMaxStep * kSampleBytes];
  const std::size_t count = width - x;
  const std::size_t even = count + count % 2;
  std::memcpy(pixels, source + x * kBytesPerPixel, count * kBytesPerPixel);
  if (even != count) {
    std::memcpy(pixels + count * kBytesPerPixel, pixels + (count - 1) * kBytesPerPixel,
                kBytesPerPixel);
  }
  convert_444_span<kDepth, kSampleBytes>(pixels, {samples[0], samples[1], samples[2]}, step(),
                                         coefficients);
  for (std::size_t plane = 0; plane < row.size(); ++plane) {
    std::memcpy(row[plane] + x * kSampleBytes, samples[plane], even * kSampleBytes);
  }
}

template <Depth kDepth, std::size_t kSampleBytes>
void convert_444_rows(const Picture& source, const TargetPicture& target,
                      const RgbCoefficients& coefficients) {
  const std::size_t width = source.size.width;
  const std::size_t whole = width - width % step();
  const std::size_t last_row = source.size.height - std::size_t{1};
  for (std::size_t y = 0; y < target.size.height; ++y) {
    const std::uint8_t* const from =
        source.planes[0] + std::min(y, last_row) * source.pitches[0].bytes;
    Row row;
    for (std::size_t plane = 0; plane < row.size(); ++plane) {
      row[plane] = target.planes[plane] + y * target.pitches[plane].bytes;
    }
    convert_444_span<kDepth, kSampleBytes>(from, row, whole, coefficients);
    if (whole != width) {
      convert_444_tail<kDepth, kSampleBytes>(from, row, whole, width, coefficients);
    }
  }
}

template <Depth kDepth>
void convert_444_from(const Picture& source, const TargetPicture& target,
                      const RgbCoefficients& coefficients) {
  if (target.format == Fourcc::kQ410) {
    convert_444_rows<kDepth, kWord>(source, target, coefficients);
  } else {
    convert_444_rows<kDepth, kByte>(source, target, coefficients);
  }
}

void convert_444_on_target(const Picture& source, const TargetPicture& target,
                           const RgbCoefficients& coefficients) {
  if (bit_depth(source.format) == 10) {
    convert_444_from<Depth::kTen>(source, target, coefficients);
  } else {
    convert_444_from<Depth::kEight>(source, target, coefficients);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lumen::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lumen::cpu {

HWY_EXPORT(convert_444_on_target);

void convert_rgb_444(const Picture& source, const TargetPicture& target,
                     const RgbCoefficients& coefficients) {
  HWY_DYNAMIC_DISPATCH(convert_444_on_target)(source, target, coefficients);
}

}  // namespace lumen::cpu
#endif  // HWY_ONCE
