// Lays the pointer over a picture, sample by sample. Plain C++ in integers that a CUDA kernel, the
// CPU route, a test and the CUDA stand-in compile alike, so that all of them agree to the last bit.
#pragma once

#include "zerocopy/cuda/kernels/convert_kernel.h"

namespace lumen::cuda {

/// What is laid over one sample of a picture.
struct OverlaySample {
  unsigned value;  // weighted by alpha, in 1/kOpaque of a code value; at most code values × alpha
  unsigned alpha;  // 0 … kOpaque
};
inline constexpr unsigned kOpaqueBits = 15;
inline constexpr unsigned kOpaque = 1U << kOpaqueBits;

/// Up to ten bits of code value fit.
LUMEN_DEVICE inline unsigned blend(unsigned under, const OverlaySample& over) {
  return (under * (kOpaque - over.alpha) + over.value + kOpaque / 2) >> kOpaqueBits;
}

/// One channel of a picture. Passed by value as the kernels' only argument.
struct BlendParams {
  unsigned long long target;   // device address of the sample under the overlay's first one
  unsigned long long overlay;  // device address of OverlaySamples, rows without padding
  unsigned pitch;              // of the target, bytes
  int step;                    // bytes from a sample of the target to the next
  int width, height;           // of the overlay, samples
};

/// Ten bits lie in the high end of their words.
template <int kSampleBytes>
inline constexpr unsigned kUnusedBits = kSampleBytes == 2 ? 6 : 0;

/// `load(offset)` and `store(offset, value)` access kSampleBytes bytes at that offset, in bytes,
/// of the target; `over(index)` reads the overlay.
template <int kSampleBytes, typename Load, typename Store, typename Over>
LUMEN_DEVICE inline void blend_sample(const BlendParams& p, const Load& load, const Store& store,
                                      const Over& over, int x, int y) {
  if (x >= p.width || y >= p.height) return;
  const OverlaySample sample = over(static_cast<long long>(y) * p.width + x);
  if (sample.alpha == 0) return;
  const long long at = static_cast<long long>(y) * p.pitch + static_cast<long long>(x) * p.step;
  store(at, blend(load(at) >> kUnusedBits<kSampleBytes>, sample) << kUnusedBits<kSampleBytes>);
}

/// Kernel names in the PTX. Blocks of 32×8 threads; one thread makes one sample.
inline constexpr char kBlendKernel[] = "lumen_blend";
inline constexpr char kBlendTenKernel[] = "lumen_blend_ten";  // ten bits

}  // namespace lumen::cuda
