// The kernels of convert_kernel.h and blend_kernel.h. tools/make-ptx compiles this with clang, which needs no CUDA
// toolkit for it; the PTX is checked in, because users' machines have no compiler for it.
#include "zerocopy/cuda/kernels/blend_kernel.h"
#include "zerocopy/cuda/kernels/convert_kernel.h"

namespace {

using lumen::cuda::BlendParams;
using lumen::cuda::ConvertParams;
using lumen::cuda::OverlaySample;
using lumen::cuda::Pixel;

struct FetchMemory {
  const ConvertParams& p;
  __attribute__((device, always_inline)) Pixel operator()(int x, int y) const {
    const unsigned long long at = p.source + static_cast<unsigned long long>(y) * p.source_pitch;
    return lumen::cuda::unpack(p, __ldg_word(reinterpret_cast<const unsigned*>(at) + x));
  }
  // Through the read-only cache: neighbouring threads share rows when scaling.
  __attribute__((device, always_inline)) static unsigned __ldg_word(const unsigned* address) {
    unsigned value;
    asm("ld.global.nc.u32 %0, [%1];" : "=r"(value) : "l"(address));
    return value;
  }
};

struct FetchTexture {
  const ConvertParams& p;
  __attribute__((device, always_inline)) Pixel operator()(int x, int y) const {
    Pixel pixel;
    asm("tex.2d.v4.s32.s32 {%0, %1, %2, %3}, [%4, {%5, %6}];"
        : "=r"(pixel.c0), "=r"(pixel.c1), "=r"(pixel.c2), "=r"(pixel.c3)
        : "l"(p.texture), "r"(x), "r"(y));
    return pixel;
  }
};

template <typename Sample>
struct Store {
  const ConvertParams& p;
  __attribute__((device, always_inline)) void operator()(int plane, long long offset,
                                                         int value) const {
    *reinterpret_cast<Sample*>(p.planes[plane] + static_cast<unsigned long long>(offset)) =
        static_cast<Sample>(value);
  }
};
using StoreByte = Store<unsigned char>;
using StoreWord = Store<unsigned short>;

template <typename Sample>
struct Under {
  const BlendParams& p;
  __attribute__((device, always_inline)) Sample* at(long long offset) const {
    return reinterpret_cast<Sample*>(p.target + static_cast<unsigned long long>(offset));
  }
};
template <typename Sample>
struct LoadUnder : Under<Sample> {
  __attribute__((device, always_inline)) unsigned operator()(long long offset) const {
    return *this->at(offset);
  }
};
template <typename Sample>
struct StoreOver : Under<Sample> {
  __attribute__((device, always_inline)) void operator()(long long offset, unsigned value) const {
    *this->at(offset) = static_cast<Sample>(value);
  }
};
struct FetchOverlay {
  const BlendParams& p;
  __attribute__((device, always_inline)) OverlaySample operator()(long long index) const {
    return reinterpret_cast<const OverlaySample*>(p.overlay)[index];
  }
};

__attribute__((device, always_inline)) int thread_x() {
  return static_cast<int>(__nvvm_read_ptx_sreg_ctaid_x() * __nvvm_read_ptx_sreg_ntid_x() +
                          __nvvm_read_ptx_sreg_tid_x());
}
__attribute__((device, always_inline)) int thread_y() {
  return static_cast<int>(__nvvm_read_ptx_sreg_ctaid_y() * __nvvm_read_ptx_sreg_ntid_y() +
                          __nvvm_read_ptx_sreg_tid_y());
}

}  // namespace

extern "C" __attribute__((global)) void lumen_convert_yuv(ConvertParams p) {
  if (p.texture != 0) {
    lumen::cuda::convert_block<1>(p, FetchTexture{p}, StoreByte{p}, thread_x(), thread_y());
  } else {
    lumen::cuda::convert_block<1>(p, FetchMemory{p}, StoreByte{p}, thread_x(), thread_y());
  }
}

extern "C" __attribute__((global)) void lumen_convert_yuv_ten(ConvertParams p) {
  if (p.texture != 0) {
    lumen::cuda::convert_block<2>(p, FetchTexture{p}, StoreWord{p}, thread_x(), thread_y());
  } else {
    lumen::cuda::convert_block<2>(p, FetchMemory{p}, StoreWord{p}, thread_x(), thread_y());
  }
}

extern "C" __attribute__((global)) void lumen_convert_packed(ConvertParams p) {
  if (p.texture != 0) {
    lumen::cuda::convert_pixel(p, FetchTexture{p}, StoreByte{p}, thread_x(), thread_y());
  } else {
    lumen::cuda::convert_pixel(p, FetchMemory{p}, StoreByte{p}, thread_x(), thread_y());
  }
}

extern "C" __attribute__((global)) void lumen_blend(BlendParams p) {
  using Sample = unsigned char;
  lumen::cuda::blend_sample<1>(p, LoadUnder<Sample>{p}, StoreOver<Sample>{p}, FetchOverlay{p},
                               thread_x(), thread_y());
}

extern "C" __attribute__((global)) void lumen_blend_ten(BlendParams p) {
  using Sample = unsigned short;
  lumen::cuda::blend_sample<2>(p, LoadUnder<Sample>{p}, StoreOver<Sample>{p}, FetchOverlay{p},
                               thread_x(), thread_y());
}
