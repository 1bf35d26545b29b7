#include "zerocopy/cuda/download.h"

#include "zerocopy/cpu/image_pool.h"
#include "zerocopy/frame_geometry.h"

namespace lumen::cuda {

Result<void> queue_download(const Context& context, const CudaBuffer& buffer, Extent size,
                            const CpuImage& image) {
  const Driver& cuda = context.driver();
  for (unsigned plane = 0; plane < plane_count(buffer.format); ++plane) {
    const PlaneExtent extent = plane_extent(buffer.format, size, plane);
    CUDA_MEMCPY2D region{};
    region.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    region.srcDevice = buffer.planes[plane];
    region.srcPitch = buffer.pitches[plane].bytes;
    region.dstMemoryType = CU_MEMORYTYPE_HOST;
    region.dstHost = image.planes[plane];
    region.dstPitch = image.pitches[plane].bytes;
    region.WidthInBytes = extent.row_bytes;
    region.Height = extent.rows;
    auto copied = cuda.check(cuda.cuMemcpy2DAsync(&region, context.stream()), "cuMemcpy2DAsync");
    if (!copied) return copied;
  }
  return {};
}

Result<CpuImage> download(const CudaBuffer& buffer, Extent size) {
  auto current = buffer.context->make_current();
  if (!current) return tl::unexpected(std::move(current.error()));
  auto pool = cpu::ImagePool::create(buffer.format, size, 1);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  auto image = (*pool)->acquire();
  if (!image) return image;
  auto queued = queue_download(*buffer.context, buffer, size, *image);
  auto done = buffer.context->synchronize();
  if (!queued) return tl::unexpected(std::move(queued.error()));
  if (!done) return tl::unexpected(std::move(done.error()));
  return image;
}

}  // namespace lumen::cuda
