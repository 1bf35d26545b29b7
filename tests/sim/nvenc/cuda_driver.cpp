#include "cuda_driver.h"

#include <dlfcn.h>

namespace lumen::sim::nvenc {

const CudaDriver& CudaDriver::get() {
  static const auto* const device = new CudaDriver;
  return *device;
}

CudaDriver::CudaDriver() {
  // Loaded already, since this library needs it.
  void* library = ::dlopen("libcuda.so.1", RTLD_NOW);
  if (library == nullptr) return;
  const auto find = [&]<typename Function>(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(::dlsym(library, name));
  };
  find(run_, "lumen_sim_cuda_run");
  find(read_, "lumen_sim_cuda_read");
  find(read_array_, "lumen_sim_cuda_read_array");
  find(allocation_, "lumen_sim_cuda_allocation");
  find(hold_, "lumen_sim_cuda_hold");
  find(current_context_, "lumen_sim_cuda_current_context");
  find(context_usable_, "lumen_sim_cuda_context_usable");
  find(mark_, "lumen_sim_cuda_mark");
  find(push_, "cuCtxPushCurrent_v2");
  find(pop_, "cuCtxPopCurrent_v2");
  find(synchronize_, "cuStreamSynchronize");
  find(copy_, "cuMemcpy2D_v2");
}

bool CudaDriver::context_usable(CUcontext context) const {
  if (is_stand_in()) return context_usable_(context) != 0;
  if (context == nullptr || push_ == nullptr || push_(context) != CUDA_SUCCESS) return false;
  CUcontext popped = nullptr;
  return pop_(&popped) == CUDA_SUCCESS;
}

CUcontext CudaDriver::current_context() const {
  return is_stand_in() ? current_context_() : nullptr;
}

std::uint64_t CudaDriver::mark(CUcontext context, CUstream stream) const {
  return is_stand_in() ? mark_(context, stream) : 1;
}

bool CudaDriver::wait(CUcontext context, CUstream stream, std::uint64_t mark) const {
  if (is_stand_in()) return run_(context, stream, mark) != 0;
  if (push_(context) != CUDA_SUCCESS) return false;
  const bool done = synchronize_(stream) == CUDA_SUCCESS;
  CUcontext popped = nullptr;
  return pop_(&popped) == CUDA_SUCCESS && done;
}

bool CudaDriver::copy(CUcontext context, const CUDA_MEMCPY2D& copy) const {
  if (push_(context) != CUDA_SUCCESS) return false;
  const bool done = copy_(&copy) == CUDA_SUCCESS;
  CUcontext popped = nullptr;
  return pop_(&popped) == CUDA_SUCCESS && done;
}

bool CudaDriver::read(CUcontext context, CUdeviceptr address, std::size_t pitch,
                      std::size_t width_bytes, std::size_t height, void* to) const {
  if (is_stand_in()) return read_(address, pitch, width_bytes, height, to) != 0;
  CUDA_MEMCPY2D rows{};
  rows.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  rows.srcDevice = address;
  rows.srcPitch = pitch;
  rows.dstMemoryType = CU_MEMORYTYPE_HOST;
  rows.dstHost = to;
  rows.dstPitch = width_bytes;
  rows.WidthInBytes = width_bytes;
  rows.Height = height;
  return copy(context, rows);
}

bool CudaDriver::read_array(CUcontext context, CUarray array, std::size_t width_bytes,
                            std::size_t height, void* to) const {
  if (is_stand_in()) return read_array_(array, width_bytes, height, to) != 0;
  CUDA_MEMCPY2D rows{};
  rows.srcMemoryType = CU_MEMORYTYPE_ARRAY;
  rows.srcArray = array;
  rows.dstMemoryType = CU_MEMORYTYPE_HOST;
  rows.dstHost = to;
  rows.dstPitch = width_bytes;
  rows.WidthInBytes = width_bytes;
  rows.Height = height;
  return copy(context, rows);
}

std::optional<CudaDriver::Allocation> CudaDriver::allocation(CUdeviceptr address) const {
  if (!is_stand_in()) return std::nullopt;
  Allocation found;
  found.id = allocation_(address, &found.base, &found.size);
  return found.id == 0 ? std::nullopt : std::optional(found);
}

void CudaDriver::hold(CUdeviceptr address, const char* by) const {
  if (is_stand_in()) hold_(address, by);
}

}  // namespace lumen::sim::nvenc
