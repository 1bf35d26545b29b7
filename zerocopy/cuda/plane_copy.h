// The planes of a pooled buffer, filled from pictures that lie in different kinds of memory.
#pragma once

#include "core/error.h"
#include "zerocopy/cuda/buffer_pool.h"
#include "zerocopy/cuda/context.h"
#include "zerocopy/frame_geometry.h"

namespace lumen::cuda {

/// Queues a copy of each plane on the context's stream, which must be current. `from(plane,
/// region)` says where the plane comes from (CUDA_MEMCPY2D's src… fields). A CUDA error leaves the
/// rest out.
template <typename From>
Result<void> copy_planes(const Context& context, const CudaBuffer& into, Extent size, From from) {
  const Driver& cuda = context.driver();
  for (unsigned plane = 0; plane < plane_count(into.format); ++plane) {
    const PlaneExtent extent = plane_extent(into.format, size, plane);
    CUDA_MEMCPY2D region{};
    from(plane, region);
    region.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    region.dstDevice = into.planes[plane];
    region.dstPitch = into.pitches[plane].bytes;
    region.WidthInBytes = extent.row_bytes;
    region.Height = extent.rows;
    auto copied = cuda.check(cuda.cuMemcpy2DAsync(&region, context.stream()), "cuMemcpy2DAsync");
    if (!copied) return copied;
  }
  return {};
}

}  // namespace lumen::cuda
