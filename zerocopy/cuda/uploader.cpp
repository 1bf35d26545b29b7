#include "zerocopy/cuda/uploader.h"

#include <utility>

#include "zerocopy/frame_geometry.h"

namespace lumen::cuda {

Result<CudaBuffer> Uploader::upload(const CpuImage& image, Extent size) {
  if (!pool_ || pool_->size() != size || pool_->format() != image.format) {
    auto pool = BufferPool::create(context_, image.format, size);
    if (!pool) return tl::unexpected(std::move(pool.error()));
    pool_ = std::move(*pool);
  }
  auto buffer = pool_->acquire();
  if (!buffer) return buffer;
  const Driver& cuda = context_->driver();
  for (unsigned plane = 0; plane < plane_count(image.format); ++plane) {
    const PlaneExtent extent = plane_extent(image.format, size, plane);
    // From pageable memory the driver stages the rows before it returns (CUDA Driver API, "API
    // synchronization behavior"), so that the source need not be kept. lumen's page-locked images
    // are written again only by later work on the same stream.
    CUDA_MEMCPY2D region{};
    region.srcMemoryType = CU_MEMORYTYPE_HOST;
    region.srcHost = image.planes[plane];
    region.srcPitch = image.pitches[plane].bytes;
    region.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    region.dstDevice = buffer->planes[plane];
    region.dstPitch = buffer->pitches[plane].bytes;
    region.WidthInBytes = extent.row_bytes;
    region.Height = extent.rows;
    auto copied = cuda.check(cuda.cuMemcpy2DAsync(&region, context_->stream()), "cuMemcpy2DAsync");
    if (!copied) return tl::unexpected(std::move(copied.error()));
  }
  return buffer;
}

}  // namespace lumen::cuda
