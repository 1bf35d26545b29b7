#include "zerocopy/cuda/converter.h"

#include <algorithm>
#include <utility>

#include "zerocopy/cuda/convert_ptx.h"
#include "zerocopy/cuda/kernels/convert_kernel.h"
#include "zerocopy/cuda/launch_grid.h"
#include "zerocopy/frame_geometry.h"
#include "zerocopy/rgb_coefficients.h"

namespace lumen::cuda {
namespace {

int as_int(std::uint32_t value) { return static_cast<int>(value); }

bool swaps_red_blue(Fourcc from, Fourcc to) { return is_red_first(from) != is_red_first(to); }

void set_matrix(ConvertParams& params, const RgbCoefficients& matrix) {
  std::ranges::copy(matrix.luma, params.luma);
  std::ranges::copy(matrix.cb, params.cb);
  std::ranges::copy(matrix.cr, params.cr);
  params.luma_bias = matrix.luma_bias;
  params.chroma_bias = matrix.chroma_bias;
}

void set_planes(ConvertParams& params, const CudaBuffer& target) {
  std::ranges::copy(target.planes, params.planes);
  for (std::size_t plane = 0; plane < target.pitches.size(); ++plane) {
    params.pitches[plane] = target.pitches[plane].bytes;
  }
  const unsigned sample_bytes = is_ten_bit(target.format) ? 2 : 1;
  params.full_chroma = is_full_chroma(target.format) ? 1 : 0;
  params.chroma_step = 1;
  if (plane_count(target.format) == 2) {
    params.chroma_step = static_cast<int>(2 * sample_bytes);
    params.planes[2] = params.planes[1] + sample_bytes;
    params.pitches[2] = params.pitches[1];
  }
}

}  // namespace

Result<std::unique_ptr<Converter>> Converter::create(std::shared_ptr<const Context> context) {
  std::unique_ptr<Converter> self(new Converter(std::move(context)));
  const Driver& cuda = self->context_->driver();
  const auto find = [&](CUfunction& function, const char* name) {
    return cuda.check(cuda.cuModuleGetFunction(&function, self->module_, name),
                      "cuModuleGetFunction");
  };
  auto loaded = cuda.check(cuda.cuModuleLoadData(&self->module_, kConvertPtx), "cuModuleLoadData")
                    .and_then([&] { return find(self->to_yuv_, kConvertYuvKernel); })
                    .and_then([&] { return find(self->to_yuv_ten_, kConvertYuvTenKernel); })
                    .and_then([&] { return find(self->to_packed_, kConvertPackedKernel); });
  if (!loaded) return with_context("conversion kernels", std::move(loaded.error()));
  return self;
}

Converter::~Converter() {
  if (module_ != nullptr) context_->driver().cuModuleUnload(module_);
}

Result<void> Converter::convert(const DevicePicture& picture, const Rect& visible,
                                const CudaBuffer& target, Extent size,
                                const ColorDescription& color) {
  const unsigned depth = bit_depth(picture.format);
  if ((picture.texture == 0) == (picture.address == 0) || !is_packed_rgb(picture.format) ||
      (depth == 10 && picture.address == 0)) {
    return fail(ErrorKind::kInvalidArgument, "not a picture that the GPU can convert");
  }
  const bool packed = is_packed_rgb(target.format);
  if (packed && bit_depth(target.format) == 10) {
    return fail(ErrorKind::kInvalidArgument, "packed targets have eight bits");
  }
  if (packed && depth == 8 && visible.size == size &&
      !swaps_red_blue(picture.format, target.format)) {
    return copy(picture, visible, target);
  }
  ConvertParams params{};
  params.texture = picture.texture;
  params.source = picture.address;
  params.source_pitch = picture.pitch.bytes;
  params.source_width = as_int(picture.size.width);
  params.source_height = as_int(picture.size.height);
  params.crop_x = as_int(visible.x);
  params.crop_y = as_int(visible.y);
  params.crop_width = as_int(visible.size.width);
  params.crop_height = as_int(visible.size.height);
  params.width = as_int(size.width);
  params.height = as_int(size.height);
  // A picture that differs only by the rounding of odd sides fills the target.
  const Rect inner =
      even_size(visible.size) == size ? Rect{0, 0, size} : fit_rectangle(visible.size, size);
  params.inner_x = as_int(inner.x);
  params.inner_y = as_int(inner.y);
  params.inner_width = as_int(inner.size.width);
  params.inner_height = as_int(inner.size.height);
  set_planes(params, target);
  params.extra_bits = static_cast<int>(extra_bits(depth));
  params.swap_red_blue = packed && swaps_red_blue(picture.format, target.format) ? 1 : 0;
  const bool ten_bits = is_ten_bit(target.format);
  if (!packed) set_matrix(params, make_rgb_coefficients(color, picture.format, ten_bits ? 10 : 8));

  const std::uint32_t per_thread = packed ? 1 : 2;
  void* arguments[] = {&params};
  const CUfunction kernel = packed ? to_packed_ : ten_bits ? to_yuv_ten_ : to_yuv_;
  const Driver& cuda = context_->driver();
  return cuda.check(cuda.cuLaunchKernel(kernel, blocks(size.width, kThreadsX * per_thread),
                                        blocks(size.height, kThreadsY * per_thread), 1, kThreadsX,
                                        kThreadsY, 1, 0, context_->stream(), arguments, nullptr),
                    "cuLaunchKernel");
}

Result<void> Converter::copy(const DevicePicture& picture, const Rect& visible,
                             const CudaBuffer& target) {
  CUDA_MEMCPY2D region{};
  if (picture.array != nullptr) {
    region.srcMemoryType = CU_MEMORYTYPE_ARRAY;
    region.srcArray = picture.array;
  } else {
    region.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    region.srcDevice = picture.address;
    region.srcPitch = picture.pitch.bytes;
  }
  region.srcXInBytes = std::size_t{visible.x} * 4;
  region.srcY = visible.y;
  region.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  region.dstDevice = target.planes[0];
  region.dstPitch = target.pitches[0].bytes;
  region.WidthInBytes = std::size_t{visible.size.width} * 4;
  region.Height = visible.size.height;
  const Driver& cuda = context_->driver();
  return cuda.check(cuda.cuMemcpy2DAsync(&region, context_->stream()), "cuMemcpy2DAsync");
}

}  // namespace lumen::cuda
