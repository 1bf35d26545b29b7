// Copies and fills.
#include "copy.h"
#include "exports.h"

using namespace lumen::sim;

namespace {

enum class When { kQueued, kFinished };

Rows source_rows(Simulator& sim, const CUDA_MEMCPY2D& copy, Extent2D extent) {
  switch (copy.srcMemoryType) {
    case CU_MEMORYTYPE_ARRAY:
      return rows_of_array(sim, copy.srcArray, copy.srcXInBytes, copy.srcY, extent, Access::kRead);
    case CU_MEMORYTYPE_HOST:
      return rows_of_host(sim,
                          static_cast<const std::byte*>(copy.srcHost) + copy.srcY * copy.srcPitch +
                              copy.srcXInBytes,
                          copy.srcPitch, extent);
    case CU_MEMORYTYPE_DEVICE:
      return rows_of_device(sim, copy.srcDevice + copy.srcY * copy.srcPitch + copy.srcXInBytes,
                            copy.srcPitch, extent, Access::kRead);
  }
  sim.violation("no such kind of source memory");
  return {};
}

Rows target_rows(Simulator& sim, const CUDA_MEMCPY2D& copy, Extent2D extent) {
  switch (copy.dstMemoryType) {
    case CU_MEMORYTYPE_ARRAY:
      return rows_of_array(sim, copy.dstArray, copy.dstXInBytes, copy.dstY, extent, Access::kWrite);
    case CU_MEMORYTYPE_HOST:
      return rows_of_host(
          sim, static_cast<std::byte*>(copy.dstHost) + copy.dstY * copy.dstPitch + copy.dstXInBytes,
          copy.dstPitch, extent);
    case CU_MEMORYTYPE_DEVICE:
      return rows_of_device(sim, copy.dstDevice + copy.dstY * copy.dstPitch + copy.dstXInBytes,
                            copy.dstPitch, extent, Access::kWrite);
  }
  sim.violation("no such kind of target memory");
  return {};
}

CUresult copy_2d(Simulator& sim, Lock& lock, const CUDA_MEMCPY2D* copy, CUstream handle,
                 When when) {
  if (copy == nullptr) return kInvalidValue;
  const auto stream = sim.find_stream(handle);
  if (stream == nullptr) {
    sim.violation("no such stream");
    return kInvalidHandle;
  }
  const Extent2D extent{copy->WidthInBytes, copy->Height};
  if (extent.width_bytes == 0 || extent.height == 0) return CUDA_SUCCESS;
  const bool device_only =
      copy->srcMemoryType != CU_MEMORYTYPE_HOST && copy->dstMemoryType != CU_MEMORYTYPE_HOST;
  Rows from = source_rows(sim, *copy, extent);
  Rows to = target_rows(sim, *copy, extent);
  const CUresult queued = submit_copy(sim, lock, stream, std::move(from), std::move(to), extent);
  if (queued != CUDA_SUCCESS || when == When::kQueued || device_only) return queued;
  sim.streams.synchronize(lock, stream, stream->submitted);
  return sim.after_waiting();
}

CUresult copy_line(Simulator& sim, Lock& lock, Rows from, Rows to, std::size_t size,
                   CUstream handle, When when) {
  const auto stream = sim.find_stream(handle);
  const CUresult queued = submit_copy(sim, lock, stream, std::move(from), std::move(to), {size, 1});
  if (queued != CUDA_SUCCESS || when == When::kQueued) return queued;
  sim.streams.synchronize(lock, stream, stream->submitted);
  return sim.after_waiting();
}

CUresult host_to_device(Simulator& sim, Lock& lock, CUdeviceptr to, const void* from,
                        std::size_t size, CUstream stream, When when) {
  if (size == 0) return CUDA_SUCCESS;
  return copy_line(sim, lock, rows_of_host(sim, from, size, {size, 1}),
                   rows_of_device(sim, to, size, {size, 1}, Access::kWrite), size, stream, when);
}

CUresult device_to_host(Simulator& sim, Lock& lock, void* to, CUdeviceptr from, std::size_t size,
                        CUstream stream, When when) {
  if (size == 0) return CUDA_SUCCESS;
  return copy_line(sim, lock, rows_of_device(sim, from, size, {size, 1}, Access::kRead),
                   rows_of_host(sim, to, size, {size, 1}), size, stream, when);
}

/// Not waited for, even without "Async": CUDA promises nothing else.
CUresult device_to_device(Simulator& sim, Lock& lock, CUdeviceptr to, CUdeviceptr from,
                          std::size_t size, CUstream stream) {
  if (size == 0) return CUDA_SUCCESS;
  return copy_line(sim, lock, rows_of_device(sim, from, size, {size, 1}, Access::kRead),
                   rows_of_device(sim, to, size, {size, 1}, Access::kWrite), size, stream,
                   When::kQueued);
}

/// Unified addressing: either side may be host memory.
CUresult any_to_any(Simulator& sim, Lock& lock, CUdeviceptr to, CUdeviceptr from, std::size_t size,
                    CUstream stream, When when) {
  const auto rows = [&](CUdeviceptr address, Access access) {
    return sim.memory.in_reservation(address)
               ? rows_of_device(sim, address, size, {size, 1}, access)
               : rows_of_host(sim, reinterpret_cast<const void*>(address), size, {size, 1});
  };
  if (size == 0) return CUDA_SUCCESS;
  Rows source = rows(from, Access::kRead);
  return copy_line(sim, lock, std::move(source), rows(to, Access::kWrite), size, stream, when);
}

}  // namespace

CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D* copy) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return copy_2d(sim, lock, copy, nullptr, When::kFinished);
  });
}

CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D* copy, CUstream stream) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return copy_2d(sim, lock, copy, stream, When::kQueued);
  });
}

CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, std::size_t size) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return any_to_any(sim, lock, to, from, size, nullptr, When::kFinished);
  });
}

CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, std::size_t size, CUstream stream) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return any_to_any(sim, lock, to, from, size, stream, When::kQueued);
  });
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, std::size_t size) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return host_to_device(sim, lock, to, from, size, nullptr, When::kFinished);
  });
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t size, CUstream stream) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return host_to_device(sim, lock, to, from, size, stream, When::kQueued);
  });
}

CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, std::size_t size) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return device_to_host(sim, lock, to, from, size, nullptr, When::kFinished);
  });
}

CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t size, CUstream stream) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return device_to_host(sim, lock, to, from, size, stream, When::kQueued);
  });
}

CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, std::size_t size) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return device_to_device(sim, lock, to, from, size, nullptr);
  });
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t size, CUstream stream) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    return device_to_device(sim, lock, to, from, size, stream);
  });
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, std::size_t size, CUstream stream) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    if (size == 0) return CUDA_SUCCESS;
    return submit_fill(sim, lock, sim.find_stream(stream),
                       rows_of_device(sim, to, size, {size, 1}, Access::kWrite), {size, 1}, value);
  });
}

CUresult cuMemsetD2D8Async(CUdeviceptr to, std::size_t pitch, unsigned char value,
                           std::size_t width, std::size_t height, CUstream stream) {
  return call(__func__, Needs::kContext, [&](Simulator& sim, Lock& lock) {
    if (width == 0 || height == 0) return CUDA_SUCCESS;
    const Extent2D extent{width, height};
    return submit_fill(sim, lock, sim.find_stream(stream),
                       rows_of_device(sim, to, pitch, extent, Access::kWrite), extent, value);
  });
}
