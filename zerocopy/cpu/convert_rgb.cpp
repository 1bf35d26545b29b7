// Compiled once per instruction set: Highway's foreach_target.h includes this file again for each.
#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL  // Highway 1.0 leaves the newer AVX-512 out unless asked; it packs faster
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "zerocopy/cpu/convert_rgb.cpp"
#include <hwy/foreach_target.h>  // first, before highway.h

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "zerocopy/cpu/convert_rgb.h"

HWY_BEFORE_NAMESPACE();
namespace lumen::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kBytesPerPixel = 4;

/// Two source rows and the target rows that follow from them.
struct RowPair {
  const std::uint8_t* top;
  const std::uint8_t* bottom;
  std::uint8_t* luma_top;
  std::uint8_t* luma_bottom;
  std::uint8_t* chroma0;  // NV12: CbCr pairs; I420: Cb
  std::uint8_t* chroma1;  // NV12: unused; I420: Cr
};

enum class Chroma { kInterleaved, kPlanar };

#if HWY_TARGET == HWY_SCALAR

// One 2×2 block at a time: for CPUs on which Highway has no vectors.
constexpr std::size_t kMaxStep = 2;
constexpr std::size_t step() { return 2; }

inline int dot(const MatrixRow& row, const std::uint8_t* pixel) {
  return row[0] * pixel[0] + row[1] * pixel[1] + row[2] * pixel[2];
}

template <Chroma kChroma>
void convert_span(const RowPair& rows, std::size_t width, const RgbCoefficients& c) {
  for (std::size_t x = 0; x < width; x += 2) {
    std::int32_t cb = c.chroma_bias;
    std::int32_t cr = c.chroma_bias;
    for (std::size_t column = x; column < x + 2; ++column) {
      const std::uint8_t* const top = rows.top + column * kBytesPerPixel;
      const std::uint8_t* const bottom = rows.bottom + column * kBytesPerPixel;
      rows.luma_top[column] = static_cast<std::uint8_t>((dot(c.luma, top) + c.luma_bias) >> 16);
      rows.luma_bottom[column] =
          static_cast<std::uint8_t>((dot(c.luma, bottom) + c.luma_bias) >> 16);
      cb += dot(c.cb, top) + dot(c.cb, bottom);
      cr += dot(c.cr, top) + dot(c.cr, bottom);
    }
    if constexpr (kChroma == Chroma::kInterleaved) {
      rows.chroma0[x] = static_cast<std::uint8_t>(cb >> 16);
      rows.chroma0[x + 1] = static_cast<std::uint8_t>(cr >> 16);
    } else {
      rows.chroma0[x / 2] = static_cast<std::uint8_t>(cb >> 16);
      rows.chroma1[x / 2] = static_cast<std::uint8_t>(cr >> 16);
    }
  }
}

#else

// A packed pixel is a 32-bit lane. Its bytes 0 and 2 on the one hand, its byte 1 (twice) on the
// other make two 16-bit numbers each, and a widening multiply-and-add of pairs sums their products
// per pixel: two such instructions for each row of the matrix, in 32-bit precision.
using D32 = hn::ScalableTag<std::int32_t>;
using DU32 = hn::RebindToUnsigned<D32>;
using D16 = hn::Repartition<std::int16_t, D32>;
using DU16 = hn::RebindToUnsigned<D16>;
using D8 = hn::Repartition<std::uint8_t, D32>;
using V32 = hn::Vec<D32>;
using V16 = hn::Vec<D16>;
using V8 = hn::Vec<D8>;

constexpr std::size_t kMaxStep = 4 * hn::MaxLanes(D32());
/// Pixels taken at once from each row: four vectors.
HWY_INLINE std::size_t step() { return 4 * hn::Lanes(D32()); }

HWY_INLINE V16 pair(int low, int high) {
  const DU32 du32;
  const auto bits = static_cast<std::uint32_t>(static_cast<std::uint16_t>(low)) |
                    static_cast<std::uint32_t>(static_cast<std::uint16_t>(high)) << 16;
  return hn::BitCast(D16(), hn::Set(du32, bits));
}

/// Bytes 0 and 2 of each pixel, widened.
HWY_INLINE V16 outer(V8 pixels) {
  return hn::BitCast(D16(), hn::And(hn::BitCast(DU32(), pixels), hn::Set(DU32(), 0x00ff00ff)));
}

/// Byte 1 of each pixel, widened, twice: so that a coefficient above 0.5 can be split.
HWY_INLINE V16 middle(V8 pixels) {
  alignas(16) static constexpr std::uint8_t kBytes[16] = {1, 0x80, 1, 0x80, 5,  0x80, 5,  0x80,
                                                          9, 0x80, 9, 0x80, 13, 0x80, 13, 0x80};
  return hn::BitCast(D16(), hn::TableLookupBytesOr0(pixels, hn::LoadDup128(D8(), kBytes)));
}

HWY_INLINE V32 dot(V16 outer_pixels, V16 middle_pixels, V16 outer_row, V16 middle_row, V32 bias) {
  V32 other = hn::Zero(D32());
  V32 sum = hn::ReorderWidenMulAccumulate(D32(), outer_pixels, outer_row, bias, other);
  sum = hn::ReorderWidenMulAccumulate(D32(), middle_pixels, middle_row, sum, other);
  return hn::RearrangeToOddPlusEven(sum, other);
}

/// Sums of each two neighbouring pixels, of `first`, then of `second`.
HWY_INLINE V16 add_columns(V16 first, V16 second) {
  const auto a = hn::BitCast(D32(), first);
  const auto b = hn::BitCast(D32(), second);
  return hn::Add(hn::BitCast(D16(), hn::ConcatEven(D32(), b, a)),
                 hn::BitCast(D16(), hn::ConcatOdd(D32(), b, a)));
}

// Packer takes byte 2, the result, out of each lane of four vectors.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

// One instruction picks bytes out of two vectors in any order.
class Packer {
 public:
  /// All of a, then all of b, c and d.
  HWY_INLINE V8 planar(V32 a, V32 b, V32 c, V32 d) const {
    const D16 d16;
    return bytes(hn::ConcatOdd(d16, hn::BitCast(d16, b), hn::BitCast(d16, a)),
                 hn::ConcatOdd(d16, hn::BitCast(d16, d), hn::BitCast(d16, c)));
  }
  /// a and c in turn, then b and d in turn.
  HWY_INLINE V8 interleaved(V32 a, V32 b, V32 c, V32 d) const {
    return bytes(zip(a, c), zip(b, d));
  }

 private:
  HWY_INLINE static V16 zip(V32 even, V32 odd) {
    return hn::OddEven(hn::BitCast(D16(), odd), hn::BitCast(D16(), hn::ShiftRight<16>(even)));
  }
  HWY_INLINE static V8 bytes(V16 low, V16 high) {
    return hn::ConcatEven(D8(), hn::BitCast(D8(), high), hn::BitCast(D8(), low));
  }
};

#else

// Lanes are merged with cheap blends, bytes put in order within each 128-bit block, and groups of
// four bytes moved across blocks at the end.
class Packer {
 public:
  Packer() {
    const std::size_t lanes = hn::Lanes(D32());
    const std::size_t blocks = (lanes + 3) / 4;
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::size_t two = i / 2;
      planar_[i] = static_cast<std::int32_t>(i % blocks * 4 + i / blocks);
      interleaved_[i] = static_cast<std::int32_t>(two % blocks * 4 + two / blocks * 2 + i % 2);
    }
  }
  /// All of a, then all of b, c and d.
  HWY_INLINE V8 planar(V32 a, V32 b, V32 c, V32 d) const {
    alignas(16) static constexpr std::uint8_t kOrder[16] = {0, 4, 8, 12, 2, 6, 10, 14,
                                                            1, 5, 9, 13, 3, 7, 11, 15};
    return arrange(hn::TableLookupBytes(merge(a, b, c, d), hn::LoadDup128(D8(), kOrder)), planar_);
  }
  /// a and c in turn, then b and d in turn.
  HWY_INLINE V8 interleaved(V32 a, V32 b, V32 c, V32 d) const {
    alignas(16) static constexpr std::uint8_t kOrder[16] = {0, 1, 4, 5, 8,  9,  12, 13,
                                                            2, 3, 6, 7, 10, 11, 14, 15};
    return arrange(hn::TableLookupBytes(merge(a, b, c, d), hn::LoadDup128(D8(), kOrder)),
                   interleaved_);
  }

 private:
  /// Per lane the bytes a c b d.
  HWY_INLINE static V8 merge(V32 a, V32 b, V32 c, V32 d) {
    return hn::BitCast(D8(), hn::Or(zip(a, b), hn::ShiftLeft<8>(zip(c, d))));
  }
  HWY_INLINE static hn::Vec<DU16> zip(V32 even, V32 odd) {
    const DU16 du16;
    const auto low = hn::ShiftRight<16>(hn::BitCast(DU32(), even));
    return hn::OddEven(hn::BitCast(du16, odd), hn::BitCast(du16, low));
  }
  HWY_INLINE static V8 arrange(V8 bytes, const std::int32_t* order) {
    const D32 d32;
    if (hn::MaxLanes(d32) <= 4) return bytes;  // a single block
    return hn::BitCast(
        D8(), hn::TableLookupLanes(hn::BitCast(d32, bytes), hn::SetTableIndices(d32, order)));
  }

  HWY_ALIGN std::int32_t planar_[hn::MaxLanes(D32())];
  HWY_ALIGN std::int32_t interleaved_[hn::MaxLanes(D32())];
};

#endif

template <Chroma kChroma>
HWY_INLINE void convert_span(const RowPair& rows, std::size_t width, const RgbCoefficients& c) {
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

  const auto luma = [&](V8 pixels) HWY_ATTR {
    return dot(outer(pixels), middle(pixels), luma_outer, luma_middle, luma_bias);
  };
  const auto block_outer = [&](V8 top0, V8 bottom0, V8 top1, V8 bottom1) HWY_ATTR {
    return add_columns(hn::Add(outer(top0), outer(bottom0)), hn::Add(outer(top1), outer(bottom1)));
  };
  const auto block_middle = [&](V8 top0, V8 bottom0, V8 top1, V8 bottom1) HWY_ATTR {
    return add_columns(hn::Add(middle(top0), middle(bottom0)),
                       hn::Add(middle(top1), middle(bottom1)));
  };
  const std::size_t vector_bytes = hn::Lanes(d8);
  for (std::size_t x = 0; x < width; x += step()) {
    const std::uint8_t* const top = rows.top + x * kBytesPerPixel;
    const V8 t0 = hn::LoadU(d8, top);
    const V8 t1 = hn::LoadU(d8, top + vector_bytes);
    const V8 t2 = hn::LoadU(d8, top + 2 * vector_bytes);
    const V8 t3 = hn::LoadU(d8, top + 3 * vector_bytes);
    hn::StoreU(packer.planar(luma(t0), luma(t1), luma(t2), luma(t3)), d8, rows.luma_top + x);

    const std::uint8_t* const bottom = rows.bottom + x * kBytesPerPixel;
    const V8 b0 = hn::LoadU(d8, bottom);
    const V8 b1 = hn::LoadU(d8, bottom + vector_bytes);
    const V8 b2 = hn::LoadU(d8, bottom + 2 * vector_bytes);
    const V8 b3 = hn::LoadU(d8, bottom + 3 * vector_bytes);
    hn::StoreU(packer.planar(luma(b0), luma(b1), luma(b2), luma(b3)), d8, rows.luma_bottom + x);

    const V16 outer01 = block_outer(t0, b0, t1, b1);
    const V16 outer23 = block_outer(t2, b2, t3, b3);
    const V16 middle01 = block_middle(t0, b0, t1, b1);
    const V16 middle23 = block_middle(t2, b2, t3, b3);
    const V32 cb01 = dot(outer01, middle01, cb_outer, cb_middle, chroma_bias);
    const V32 cb23 = dot(outer23, middle23, cb_outer, cb_middle, chroma_bias);
    const V32 cr01 = dot(outer01, middle01, cr_outer, cr_middle, chroma_bias);
    const V32 cr23 = dot(outer23, middle23, cr_outer, cr_middle, chroma_bias);
    if constexpr (kChroma == Chroma::kInterleaved) {
      hn::StoreU(packer.interleaved(cb01, cb23, cr01, cr23), d8, rows.chroma0 + x);
    } else {
      const hn::Half<D8> half;
      const V8 planes = packer.planar(cb01, cb23, cr01, cr23);
      hn::StoreU(hn::LowerHalf(half, planes), half, rows.chroma0 + x / 2);
      hn::StoreU(hn::UpperHalf(half, planes), half, rows.chroma1 + x / 2);
    }
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

/// What is left at the right edge: fewer pixels than a step, one column repeated if they are odd.
/// Goes through buffers of a whole step, so that nothing outside the rows is touched.
template <Chroma kChroma>
HWY_NOINLINE void convert_tail(const RowPair& rows, std::size_t x, std::size_t width,
                               const RgbCoefficients& coefficients) {
  HWY_ALIGN std::uint8_t pixels[2][kMaxStep * kBytesPerPixel] = {};
  HWY_ALIGN std::uint8_t luma[2][kMaxStep];
  HWY_ALIGN std::uint8_t chroma[2][kMaxStep];
  const std::size_t count = width - x;
  const std::size_t even = count + count % 2;
  std::memcpy(pixels[0], rows.top + x * kBytesPerPixel, count * kBytesPerPixel);
  std::memcpy(pixels[1], rows.bottom + x * kBytesPerPixel, count * kBytesPerPixel);
  if (even != count) {
    for (auto& line : pixels) {
      std::memcpy(line + count * kBytesPerPixel, line + (count - 1) * kBytesPerPixel,
                  kBytesPerPixel);
    }
  }
  convert_span<kChroma>(RowPair{pixels[0], pixels[1], luma[0], luma[1], chroma[0], chroma[1]},
                        step(), coefficients);
  std::memcpy(rows.luma_top + x, luma[0], even);
  std::memcpy(rows.luma_bottom + x, luma[1], even);
  if constexpr (kChroma == Chroma::kInterleaved) {
    std::memcpy(rows.chroma0 + x, chroma[0], even);
  } else {
    std::memcpy(rows.chroma0 + x / 2, chroma[0], even / 2);
    std::memcpy(rows.chroma1 + x / 2, chroma[1], even / 2);
  }
}

template <Chroma kChroma>
void convert_rows(const Picture& source, const TargetPicture& target,
                  const RgbCoefficients& coefficients) {
  const std::size_t width = source.size.width;
  const std::size_t whole = width - width % step();
  const std::size_t last_row = source.size.height - std::size_t{1};
  for (std::size_t y = 0; y < source.size.height; y += 2) {
    const auto source_row = [&](std::size_t row) {
      return source.planes[0] + std::min(row, last_row) * source.pitches[0].bytes;
    };
    const auto target_row = [&](std::size_t plane, std::size_t row) {
      return target.planes[plane] + row * target.pitches[plane].bytes;
    };
    const RowPair rows{
        source_row(y),        source_row(y + 1),
        target_row(0, y),     target_row(0, y + 1),
        target_row(1, y / 2), kChroma == Chroma::kPlanar ? target_row(2, y / 2) : nullptr};
    convert_span<kChroma>(rows, whole, coefficients);
    if (whole != width) convert_tail<kChroma>(rows, whole, width, coefficients);
  }
}

void convert_rgb_on_target(const Picture& source, const TargetPicture& target,
                           const RgbCoefficients& coefficients) {
  if (target.format == Fourcc::kNV12) {
    convert_rows<Chroma::kInterleaved>(source, target, coefficients);
  } else {
    convert_rows<Chroma::kPlanar>(source, target, coefficients);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lumen::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lumen::cpu {

HWY_EXPORT(convert_rgb_on_target);

void convert_rgb(const Picture& source, const TargetPicture& target,
                 const RgbCoefficients& coefficients) {
  HWY_DYNAMIC_DISPATCH(convert_rgb_on_target)(source, target, coefficients);
}

}  // namespace lumen::cpu
#endif  // HWY_ONCE
