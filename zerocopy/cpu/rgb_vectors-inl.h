// The RGB → Y'CbCr matrix in vectors of any width: what the kernels of convert_rgb*.cpp share.
// Included once per instruction set, after highway.h.
#include "zerocopy/rgb_coefficients.h"

// clang-format off
#if defined(LUMEN_ZEROCOPY_CPU_RGB_VECTORS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LUMEN_ZEROCOPY_CPU_RGB_VECTORS_INL_H
#undef LUMEN_ZEROCOPY_CPU_RGB_VECTORS_INL_H
#else
#define LUMEN_ZEROCOPY_CPU_RGB_VECTORS_INL_H
#endif
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lumen::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kBytesPerPixel = 4;

/// How the colours of a packed pixel lie in its 32 bits.
enum class Depth : unsigned { kEight = 8, kTen = 10 };

/// Ten bits of a sum (they end at bit 23) in the high end of a 16-bit word.
constexpr std::uint32_t kTenBits = 0xffc0;

#if HWY_TARGET == HWY_SCALAR

// For CPUs on which Highway has no vectors.
constexpr std::size_t kMaxStep = 2;
constexpr std::size_t step() { return 2; }

template <Depth kDepth>
int dot(const MatrixRow& row, const std::uint8_t* pixel) {
  if constexpr (kDepth == Depth::kTen) {
    std::uint32_t word = 0;
    std::memcpy(&word, pixel, sizeof(word));
    const auto color = [word](unsigned bit) { return static_cast<int>(word >> bit & 1023); };
    return row[0] * color(0) + row[1] * color(10) + row[2] * color(20);
  } else {
    return row[0] * pixel[0] + row[1] * pixel[1] + row[2] * pixel[2];
  }
}

/// Sample `index` of a row: a byte, or a word of ten bits.
inline void put_byte(std::uint8_t* row, std::size_t index, std::int32_t sum) {
  row[index] = static_cast<std::uint8_t>(sum >> 16);
}
inline void put_word(std::uint8_t* row, std::size_t index, std::int32_t sum) {
  const auto word = static_cast<std::uint16_t>(static_cast<std::uint32_t>(sum) >> 8 & kTenBits);
  std::memcpy(row + index * 2, &word, 2);
}

#else

// A packed pixel is a 32-bit lane. Its outer colours on the one hand, its middle one (twice) on the
// other make two 16-bit numbers each, and a widening multiply-and-add of pairs sums their products
// per pixel: two such instructions for each row of the matrix, in 32-bit precision. The sum of four
// colours of ten bits still fits 16.
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

/// The lowest and the uppermost colour of each pixel, widened.
template <Depth kDepth>
HWY_INLINE V16 outer(V8 pixels) {
  const DU32 du32;
  const auto words = hn::BitCast(du32, pixels);
  if constexpr (kDepth == Depth::kTen) {
    return hn::BitCast(D16(),
                       hn::Or(hn::And(words, hn::Set(du32, 0x0000'03ff)),
                              hn::And(hn::ShiftRight<4>(words), hn::Set(du32, 0x03ff'0000))));
  } else {
    return hn::BitCast(D16(), hn::And(words, hn::Set(du32, 0x00ff'00ff)));
  }
}

/// The middle colour of each pixel, widened, twice: so that a coefficient above 0.5 can be split.
template <Depth kDepth>
HWY_INLINE V16 middle(V8 pixels) {
  if constexpr (kDepth == Depth::kTen) {
    const DU32 du32;
    const auto words = hn::BitCast(du32, pixels);
    return hn::BitCast(D16(), hn::Or(hn::And(hn::ShiftRight<10>(words), hn::Set(du32, 0x0000'03ff)),
                                     hn::And(hn::ShiftLeft<6>(words), hn::Set(du32, 0x03ff'0000))));
  } else {
    alignas(16) static constexpr std::uint8_t kBytes[16] = {1, 0x80, 1, 0x80, 5,  0x80, 5,  0x80,
                                                            9, 0x80, 9, 0x80, 13, 0x80, 13, 0x80};
    return hn::BitCast(D16(), hn::TableLookupBytesOr0(pixels, hn::LoadDup128(D8(), kBytes)));
  }
}

/// A sum that ends at bit 23, whatever the depth of the source.
template <Depth kDepth>
HWY_INLINE V32 dot(V16 outer_pixels, V16 middle_pixels, V16 outer_row, V16 middle_row, V32 bias) {
  V32 other = hn::Zero(D32());
  V32 sum = hn::ReorderWidenMulAccumulate(D32(), outer_pixels, outer_row, bias, other);
  sum = hn::ReorderWidenMulAccumulate(D32(), middle_pixels, middle_row, sum, other);
  sum = hn::RearrangeToOddPlusEven(sum, other);
  constexpr int kExtra = extra_bits(static_cast<unsigned>(kDepth));
  if constexpr (kExtra == 0) return sum;
  return hn::ShiftRight<kExtra>(sum);
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

/// 16-bit words with ten bits of each lane, of `a`, then of `b`.
HWY_INLINE hn::Vec<DU16> ten_bits(V32 a, V32 b) {
  const DU16 du16;
  const auto low = hn::BitCast(du16, hn::ShiftRight<8>(hn::BitCast(DU32(), a)));
  const auto high = hn::BitCast(du16, hn::ShiftRight<8>(hn::BitCast(DU32(), b)));
  return hn::And(hn::ConcatEven(du16, high, low),
                 hn::Set(du16, static_cast<std::uint16_t>(kTenBits)));
}

/// The same words, those of `even` and `odd` in turn.
HWY_INLINE hn::Vec<DU32> ten_bits_in_turn(V32 even, V32 odd) {
  const DU32 du32;
  const auto low = hn::ShiftRight<8>(hn::BitCast(du32, even));
  const auto high = hn::ShiftLeft<8>(hn::BitCast(du32, odd));
  return hn::Or(hn::And(low, hn::Set(du32, kTenBits)),
                hn::And(high, hn::Set(du32, kTenBits << 16)));
}

#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace lumen::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
