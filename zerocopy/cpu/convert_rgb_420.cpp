// Compiled once per instruction set: Highway's foreach_target.h includes this file again for each.
#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL  // Highway 1.0 leaves the newer AVX-512 out unless asked; it packs faster
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "zerocopy/cpu/convert_rgb_420.cpp"
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

/// Two source rows and the target rows that follow from them.
struct RowPair {
  const std::uint8_t* top;
  const std::uint8_t* bottom;
  std::uint8_t* luma_top;
  std::uint8_t* luma_bottom;
  std::uint8_t* chroma0;  // NV12, P010: CbCr pairs; I420: Cb
  std::uint8_t* chroma1;  // NV12, P010: unused; I420: Cr
};

enum class Layout { kNv12, kI420, kP010 };

constexpr std::size_t sample_bytes(Layout layout) { return layout == Layout::kP010 ? 2 : 1; }

#if HWY_TARGET == HWY_SCALAR

// One 2×2 block at a time.
template <Depth kDepth, Layout kLayout>
void convert_span(const RowPair& rows, std::size_t width, const RgbCoefficients& c) {
  constexpr auto put = kLayout == Layout::kP010 ? &put_word : &put_byte;
  constexpr unsigned kExtra = extra_bits(static_cast<unsigned>(kDepth));
  for (std::size_t x = 0; x < width; x += 2) {
    std::int32_t cb = c.chroma_bias;
    std::int32_t cr = c.chroma_bias;
    for (std::size_t column = x; column < x + 2; ++column) {
      const std::uint8_t* const top = rows.top + column * kBytesPerPixel;
      const std::uint8_t* const bottom = rows.bottom + column * kBytesPerPixel;
      put(rows.luma_top, column, (dot<kDepth>(c.luma, top) + c.luma_bias) >> kExtra);
      put(rows.luma_bottom, column, (dot<kDepth>(c.luma, bottom) + c.luma_bias) >> kExtra);
      cb += dot<kDepth>(c.cb, top) + dot<kDepth>(c.cb, bottom);
      cr += dot<kDepth>(c.cr, top) + dot<kDepth>(c.cr, bottom);
    }
    cb >>= kExtra;
    cr >>= kExtra;
    if constexpr (kLayout == Layout::kI420) {
      put(rows.chroma0, x / 2, cb);
      put(rows.chroma1, x / 2, cr);
    } else {
      put(rows.chroma0, x, cb);
      put(rows.chroma0, x + 1, cr);
    }
  }
}

#else

template <Depth kDepth, Layout kLayout>
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
    return dot<kDepth>(outer<kDepth>(pixels), middle<kDepth>(pixels), luma_outer, luma_middle,
                       luma_bias);
  };
  const auto block_outer = [&](V8 top0, V8 bottom0, V8 top1, V8 bottom1) HWY_ATTR {
    return add_columns(hn::Add(outer<kDepth>(top0), outer<kDepth>(bottom0)),
                       hn::Add(outer<kDepth>(top1), outer<kDepth>(bottom1)));
  };
  const auto block_middle = [&](V8 top0, V8 bottom0, V8 top1, V8 bottom1) HWY_ATTR {
    return add_columns(hn::Add(middle<kDepth>(top0), middle<kDepth>(bottom0)),
                       hn::Add(middle<kDepth>(top1), middle<kDepth>(bottom1)));
  };
  const std::size_t vector_bytes = hn::Lanes(d8);
  const auto store_luma = [&](V32 l0, V32 l1, V32 l2, V32 l3, std::uint8_t* to) HWY_ATTR {
    if constexpr (kLayout == Layout::kP010) {
      hn::StoreU(hn::BitCast(d8, ten_bits(l0, l1)), d8, to);
      hn::StoreU(hn::BitCast(d8, ten_bits(l2, l3)), d8, to + vector_bytes);
    } else {
      hn::StoreU(packer.planar(l0, l1, l2, l3), d8, to);
    }
  };
  for (std::size_t x = 0; x < width; x += step()) {
    const std::uint8_t* const top = rows.top + x * kBytesPerPixel;
    const V8 t0 = hn::LoadU(d8, top);
    const V8 t1 = hn::LoadU(d8, top + vector_bytes);
    const V8 t2 = hn::LoadU(d8, top + 2 * vector_bytes);
    const V8 t3 = hn::LoadU(d8, top + 3 * vector_bytes);
    store_luma(luma(t0), luma(t1), luma(t2), luma(t3), rows.luma_top + x * sample_bytes(kLayout));

    const std::uint8_t* const bottom = rows.bottom + x * kBytesPerPixel;
    const V8 b0 = hn::LoadU(d8, bottom);
    const V8 b1 = hn::LoadU(d8, bottom + vector_bytes);
    const V8 b2 = hn::LoadU(d8, bottom + 2 * vector_bytes);
    const V8 b3 = hn::LoadU(d8, bottom + 3 * vector_bytes);
    store_luma(luma(b0), luma(b1), luma(b2), luma(b3),
               rows.luma_bottom + x * sample_bytes(kLayout));

    const V16 outer01 = block_outer(t0, b0, t1, b1);
    const V16 outer23 = block_outer(t2, b2, t3, b3);
    const V16 middle01 = block_middle(t0, b0, t1, b1);
    const V16 middle23 = block_middle(t2, b2, t3, b3);
    const V32 cb01 = dot<kDepth>(outer01, middle01, cb_outer, cb_middle, chroma_bias);
    const V32 cb23 = dot<kDepth>(outer23, middle23, cb_outer, cb_middle, chroma_bias);
    const V32 cr01 = dot<kDepth>(outer01, middle01, cr_outer, cr_middle, chroma_bias);
    const V32 cr23 = dot<kDepth>(outer23, middle23, cr_outer, cr_middle, chroma_bias);
    if constexpr (kLayout == Layout::kNv12) {
      hn::StoreU(packer.interleaved(cb01, cb23, cr01, cr23), d8, rows.chroma0 + x);
    } else if constexpr (kLayout == Layout::kP010) {
      std::uint8_t* const pairs = rows.chroma0 + x * 2;
      hn::StoreU(hn::BitCast(d8, ten_bits_in_turn(cb01, cr01)), d8, pairs);
      hn::StoreU(hn::BitCast(d8, ten_bits_in_turn(cb23, cr23)), d8, pairs + vector_bytes);
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
template <Depth kDepth, Layout kLayout>
HWY_NOINLINE void convert_tail(const RowPair& rows, std::size_t x, std::size_t width,
                               const RgbCoefficients& coefficients) {
  HWY_ALIGN std::uint8_t pixels[2][kMaxStep * kBytesPerPixel] = {};
  constexpr std::size_t kBytes = sample_bytes(kLayout);
  HWY_ALIGN std::uint8_t luma[2][kMaxStep * kBytes];
  HWY_ALIGN std::uint8_t chroma[2][kMaxStep * kBytes];
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
  convert_span<kDepth, kLayout>(
      RowPair{pixels[0], pixels[1], luma[0], luma[1], chroma[0], chroma[1]}, step(), coefficients);
  std::memcpy(rows.luma_top + x * kBytes, luma[0], even * kBytes);
  std::memcpy(rows.luma_bottom + x * kBytes, luma[1], even * kBytes);
  if constexpr (kLayout != Layout::kI420) {
    std::memcpy(rows.chroma0 + x * kBytes, chroma[0], even * kBytes);
  } else {
    std::memcpy(rows.chroma0 + x / 2, chroma[0], even / 2);
    std::memcpy(rows.chroma1 + x / 2, chroma[1], even / 2);
  }
}

template <Depth kDepth, Layout kLayout>
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
        target_row(1, y / 2), kLayout == Layout::kI420 ? target_row(2, y / 2) : nullptr};
    convert_span<kDepth, kLayout>(rows, whole, coefficients);
    if (whole != width) convert_tail<kDepth, kLayout>(rows, whole, width, coefficients);
  }
}

template <Depth kDepth>
void convert_420_from(const Picture& source, const TargetPicture& target,
                      const RgbCoefficients& coefficients) {
  switch (target.format) {
    case Fourcc::kNV12: return convert_rows<kDepth, Layout::kNv12>(source, target, coefficients);
    case Fourcc::kI420: return convert_rows<kDepth, Layout::kI420>(source, target, coefficients);
    default: return convert_rows<kDepth, Layout::kP010>(source, target, coefficients);
  }
}

void convert_420_on_target(const Picture& source, const TargetPicture& target,
                           const RgbCoefficients& coefficients) {
  if (bit_depth(source.format) == 10) {
    convert_420_from<Depth::kTen>(source, target, coefficients);
  } else {
    convert_420_from<Depth::kEight>(source, target, coefficients);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lumen::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lumen::cpu {

HWY_EXPORT(convert_420_on_target);

void convert_rgb_420(const Picture& source, const TargetPicture& target,
                     const RgbCoefficients& coefficients) {
  HWY_DYNAMIC_DISPATCH(convert_420_on_target)(source, target, coefficients);
}

}  // namespace lumen::cpu
#endif  // HWY_ONCE
