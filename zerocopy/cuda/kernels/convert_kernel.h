// The one pass over a captured picture on the GPU: crop, scale, bars, and RGB of 8 or 10 bits →
// Y'CbCr (4:2:0 or 4:4:4, 8 or 10 bits) or packed RGB of 8. Plain C++ that a CUDA kernel, a test
// and the CUDA stand-in compile alike, in integers only, so that all of them agree to the last bit
// and an unscaled picture equals the CPU route's.
//
// Scaling is a box filter in both directions: a target pixel is the mean of the source area that it
// covers, at least one pixel wide, which is bilinear interpolation where the picture grows.
#pragma once

#ifdef __CUDA__
#define LUMEN_DEVICE __attribute__((device, always_inline))
#else
#define LUMEN_DEVICE
#endif

namespace lumen::cuda {

/// Passed by value as the kernels' only argument. Fixed-width by construction on every 64-bit ABI:
/// the addresses come first.
struct ConvertParams {
  unsigned long long texture;    // CUtexObject of an array of four 8-bit channels, unfiltered; or 0
                                 // (always for a source of ten bits)
  unsigned long long source;     // or the device address of the buffer's first pixel
  unsigned long long planes[3];  // device addresses: Y Cb Cr (NV12: Cr = Cb + 1, P010: Cb + 2)
  unsigned pitches[3];           // bytes
  unsigned source_pitch;         // bytes
  int source_width, source_height;                  // of the buffer, pixels
  int crop_x, crop_y, crop_width, crop_height;      // the visible part
  int width, height;                                // of the target; even for Y'CbCr
  int inner_x, inner_y, inner_width, inner_height;  // where the picture goes; the rest is bars
  int full_chroma;                                  // 4:4:4
  int chroma_step;  // 4:2:0: bytes from one Cb to the next, 1 for I420, 2 for NV12, 4 for P010
  int luma[3], cb[3], cr[3];  // cpu: RgbCoefficients
  int luma_bias, chroma_bias;
  int swap_red_blue;  // packed target only
  int extra_bits;     // cpu: extra_bits(): not zero where the source's colours have ten bits
};

struct Pixel {
  int c0, c1, c2, c3;  // from the lowest bits up: the bytes as they lie in memory, or 10:10:10:2
};

LUMEN_DEVICE inline Pixel unpack(const ConvertParams& p, unsigned word) {
  if (p.extra_bits != 0) {
    return {static_cast<int>(word & 1023U), static_cast<int>(word >> 10 & 1023U),
            static_cast<int>(word >> 20 & 1023U), static_cast<int>(word >> 30)};
  }
  return {static_cast<int>(word & 255U), static_cast<int>(word >> 8 & 255U),
          static_cast<int>(word >> 16 & 255U), static_cast<int>(word >> 24)};
}

LUMEN_DEVICE inline int clamp_index(int value, int limit) {
  return value < 0 ? 0 : value >= limit ? limit - 1 : value;
}

/// One axis of the box filter: the source pixels that target pixel `index` covers, in 1/256 pixel.
struct Span {
  int begin, end;
  LUMEN_DEVICE static Span of(int index, int source, int target) {
    const long long centre = (2LL * index + 1) * source * 128 / target;
    const long long half = source > target ? 128LL * source / target : 128;
    return {static_cast<int>(centre - half), static_cast<int>(centre + half)};
  }
  LUMEN_DEVICE int first() const { return begin >> 8; }
  LUMEN_DEVICE int last() const { return (end - 1) >> 8; }
  LUMEN_DEVICE int weight(int pixel) const {
    const int from = begin > pixel * 256 ? begin : pixel * 256;
    const int to = end < pixel * 256 + 256 ? end : pixel * 256 + 256;
    return to - from;
  }
};

/// The source colour of pixel (x, y) of the inner rectangle. `fetch(x, y)` reads the buffer.
template <typename Fetch>
LUMEN_DEVICE inline Pixel sample(const ConvertParams& p, const Fetch& fetch, int x, int y) {
  // An odd side was rounded up to the even target: its last column or row is repeated.
  const bool as_is_x = p.inner_width == p.crop_width || p.inner_width == ((p.crop_width + 1) & ~1);
  const bool as_is_y =
      p.inner_height == p.crop_height || p.inner_height == ((p.crop_height + 1) & ~1);
  if (as_is_x && as_is_y) {
    return fetch(p.crop_x + clamp_index(x, p.crop_width), p.crop_y + clamp_index(y, p.crop_height));
  }
  const Span across = Span::of(x, p.crop_width, p.inner_width);
  const Span down = Span::of(y, p.crop_height, p.inner_height);
  unsigned long long sum[4] = {0, 0, 0, 0};
  unsigned long long total = 0;
  for (int row = down.first(); row <= down.last(); ++row) {
    const int source_y = p.crop_y + clamp_index(row, p.crop_height);
    for (int column = across.first(); column <= across.last(); ++column) {
      const auto weight = static_cast<unsigned long long>(across.weight(column)) *
                          static_cast<unsigned long long>(down.weight(row));
      const Pixel pixel = fetch(p.crop_x + clamp_index(column, p.crop_width), source_y);
      sum[0] += weight * static_cast<unsigned>(pixel.c0);
      sum[1] += weight * static_cast<unsigned>(pixel.c1);
      sum[2] += weight * static_cast<unsigned>(pixel.c2);
      sum[3] += weight * static_cast<unsigned>(pixel.c3);
      total += weight;
    }
  }
  const auto mean = [total](unsigned long long value) {
    return static_cast<int>((value + total / 2) / total);
  };
  return {mean(sum[0]), mean(sum[1]), mean(sum[2]), mean(sum[3])};
}

LUMEN_DEVICE inline int dot(const int (&row)[3], const Pixel& pixel) {
  return row[0] * pixel.c0 + row[1] * pixel.c1 + row[2] * pixel.c2;
}

/// A Y'CbCr sum as it lies in memory: cpu: RgbCoefficients.
template <int kSampleBytes>
LUMEN_DEVICE inline int sample_value(int sum) {
  return kSampleBytes == 1 ? sum >> 16 : sum >> 8 & 0xffc0;
}

/// Writes the 2×2 block (block_x, block_y) of a Y'CbCr target. `store(plane, offset, value)` writes
/// kSampleBytes bytes at that offset, in bytes, of a plane: 2 for ten bits, else 1.
template <int kSampleBytes, typename Fetch, typename Store>
LUMEN_DEVICE inline void convert_block(const ConvertParams& p, const Fetch& fetch,
                                       const Store& store, int block_x, int block_y) {
  const int x = block_x * 2;
  const int y = block_y * 2;
  if (x >= p.width || y >= p.height) return;
  int cb = p.chroma_bias;
  int cr = p.chroma_bias;
  const auto put = [&](int plane, int row, int column_offset, int sum) {
    store(plane, static_cast<long long>(row) * p.pitches[plane] + column_offset,
          sample_value<kSampleBytes>(sum >> p.extra_bits));
  };
  // The inner rectangle has even sides and an even place, so a block lies in it or out of it.
  const bool inside = x >= p.inner_x && x < p.inner_x + p.inner_width && y >= p.inner_y &&
                      y < p.inner_y + p.inner_height;
  for (int row = y; row < y + 2; ++row) {
    for (int column = x; column < x + 2; ++column) {
      int luma = p.luma_bias;
      int blue = 0;
      int red = 0;
      if (inside) {
        const Pixel pixel = sample(p, fetch, column - p.inner_x, row - p.inner_y);
        luma += dot(p.luma, pixel);
        blue = dot(p.cb, pixel);
        red = dot(p.cr, pixel);
      }
      put(0, row, column * kSampleBytes, luma);
      if (p.full_chroma != 0) {
        // The coefficients are made for the sum of a block: here a pixel counts four times.
        put(1, row, column * kSampleBytes, 4 * blue + p.chroma_bias);
        put(2, row, column * kSampleBytes, 4 * red + p.chroma_bias);
      }
      cb += blue;
      cr += red;
    }
  }
  if (p.full_chroma != 0) return;
  put(1, block_y, block_x * p.chroma_step, cb);
  put(2, block_y, block_x * p.chroma_step, cr);
}

/// Writes one pixel of a packed target; bars are opaque black.
template <typename Fetch, typename Store>
LUMEN_DEVICE inline void convert_pixel(const ConvertParams& p, const Fetch& fetch,
                                       const Store& store, int x, int y) {
  if (x >= p.width || y >= p.height) return;
  Pixel pixel{0, 0, 0, 255};
  if (x >= p.inner_x && x < p.inner_x + p.inner_width && y >= p.inner_y &&
      y < p.inner_y + p.inner_height) {
    pixel = sample(p, fetch, x - p.inner_x, y - p.inner_y);
    if (p.extra_bits != 0) {
      const auto eight = [](int color) { return (color * 255 + 511) / 1023; };
      pixel = {eight(pixel.c0), eight(pixel.c1), eight(pixel.c2), 255};
    }
  }
  const long long at = static_cast<long long>(y) * p.pitches[0] + x * 4LL;
  store(0, at, p.swap_red_blue != 0 ? pixel.c2 : pixel.c0);
  store(0, at + 1, pixel.c1);
  store(0, at + 2, p.swap_red_blue != 0 ? pixel.c0 : pixel.c2);
  store(0, at + 3, pixel.c3);
}

/// Kernel names in the PTX. Blocks of 32×8 threads; one thread makes one 2×2 block or one pixel.
inline constexpr char kConvertYuvKernel[] = "lumen_convert_yuv";
inline constexpr char kConvertYuvTenKernel[] = "lumen_convert_yuv_ten";  // ten bits
inline constexpr char kConvertPackedKernel[] = "lumen_convert_packed";
inline constexpr unsigned kThreadsX = 32;
inline constexpr unsigned kThreadsY = 8;

}  // namespace lumen::cuda
