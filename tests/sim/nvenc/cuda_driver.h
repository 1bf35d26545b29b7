// The CUDA driver of this process as the encoder sees it: the CUDA stand-in where that is the
// loaded libcuda.so.1 (device memory is then read through tests/sim/cuda/sim.h, after running the
// stream up to a mark), else the real driver. Nothing is linked: the same library works with both.
// Thread-safe; one per process, never destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tests/sim/cuda/sim.h"

namespace lumen::sim::nvenc {

class CudaDriver {
 public:
  static const CudaDriver& get();

  [[nodiscard]] bool is_stand_in() const { return mark_ != nullptr; }
  [[nodiscard]] bool context_usable(CUcontext context) const;
  /// Null: none, or not known.
  [[nodiscard]] CUcontext current_context() const;

  /// How far the stream's work reaches now; 0: no such stream.
  [[nodiscard]] std::uint64_t mark(CUcontext context, CUstream stream) const;
  /// Waits until the stream got there (a real one: until it is idle).
  [[nodiscard]] bool wait(CUcontext context, CUstream stream, std::uint64_t mark) const;
  /// Rows of device memory, to host memory without gaps.
  [[nodiscard]] bool read(CUcontext context, CUdeviceptr address, std::size_t pitch,
                          std::size_t width_bytes, std::size_t height, void* to) const;
  [[nodiscard]] bool read_array(CUcontext context, CUarray array, std::size_t width_bytes,
                                std::size_t height, void* to) const;

  struct Allocation {
    std::uint64_t id = 0;
    CUdeviceptr base = 0;
    std::size_t size = 0;
  };
  /// Nothing: no memory there, or a real driver.
  [[nodiscard]] std::optional<Allocation> allocation(CUdeviceptr address) const;
  /// Freeing the memory is wrong from now on; null: right again.
  void hold(CUdeviceptr address, const char* by) const;

 private:
  CudaDriver();
  bool copy(CUcontext context, const CUDA_MEMCPY2D& copy) const;

  // The stand-in's.
  decltype(lumen_sim_cuda_mark)* mark_ = nullptr;
  decltype(lumen_sim_cuda_run)* run_ = nullptr;
  decltype(lumen_sim_cuda_read)* read_ = nullptr;
  decltype(lumen_sim_cuda_read_array)* read_array_ = nullptr;
  decltype(lumen_sim_cuda_allocation)* allocation_ = nullptr;
  decltype(lumen_sim_cuda_hold)* hold_ = nullptr;
  decltype(lumen_sim_cuda_current_context)* current_context_ = nullptr;
  decltype(lumen_sim_cuda_context_usable)* context_usable_ = nullptr;
  // Any driver's.
  tcuCtxPushCurrent_v2* push_ = nullptr;
  tcuCtxPopCurrent_v2* pop_ = nullptr;
  tcuStreamSynchronize* synchronize_ = nullptr;
  tcuMemcpy2D_v2* copy_ = nullptr;
};

}  // namespace lumen::sim::nvenc
