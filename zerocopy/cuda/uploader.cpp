#include "zerocopy/cuda/uploader.h"

#include <utility>

#include "zerocopy/cuda/plane_copy.h"

namespace lumen::cuda {

Result<CudaBuffer> Uploader::upload(const CpuImage& image, Extent size) {
  if (!pool_ || pool_->size() != size || pool_->format() != image.format) {
    auto pool = BufferPool::create(context_, image.format, size);
    if (!pool) return tl::unexpected(std::move(pool.error()));
    pool_ = std::move(*pool);
  }
  auto buffer = pool_->acquire();
  if (!buffer) return buffer;
  auto copied = copy_planes(*context_, *buffer, size, [&](unsigned plane, CUDA_MEMCPY2D& region) {
    // From pageable memory the driver stages the rows before it returns (CUDA Driver API, "API
    // synchronization behavior"), so that the source need not be kept. lumen's page-locked images
    // are written again only by later work on the same stream.
    region.srcMemoryType = CU_MEMORYTYPE_HOST;
    region.srcHost = image.planes[plane];
    region.srcPitch = image.pitches[plane].bytes;
  });
  if (!copied) return tl::unexpected(std::move(copied.error()));
  return buffer;
}

}  // namespace lumen::cuda
