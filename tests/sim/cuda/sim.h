// What a stand-in for another driver library (the encoder's) asks of the CUDA stand-in, by linking
// it: to read device memory as the hardware would. Functions may be called on any thread, without a
// current context.
#pragma once

#include <stddef.h>  // NOLINT(modernize-deprecated-headers): C
#include <stdint.h>  // NOLINT(modernize-deprecated-headers): C

#include <ffnvcodec/dynlink_cuda.h>

#ifdef __cplusplus
extern "C" {
#endif

/// How far the stream's queued work reaches now. `context` finds the default streams (0, 1, 2).
/// 0: no such stream.
uint64_t lumen_sim_cuda_mark(CUcontext context, CUstream stream);
/// Runs the stream up to a mark. 0: no such stream any more, or its context is dead.
int lumen_sim_cuda_run(CUcontext context, CUstream stream, uint64_t mark);
/// Copies rows of device memory to `to`, which has no gaps. 0 and a violation: out of bounds.
int lumen_sim_cuda_read(CUdeviceptr address, size_t pitch, size_t width_bytes, size_t height,
                        void* to);
/// The same from an array.
int lumen_sim_cuda_read_array(CUarray array, size_t width_bytes, size_t height, void* to);
/// The allocation that holds the address: its id (never given out again), first address and size.
/// 0: none.
uint64_t lumen_sim_cuda_allocation(CUdeviceptr address, CUdeviceptr* base, size_t* size);
/// Freeing the allocation is a violation from now on: "frees memory that is still BY". Null: no
/// more. 0: no such allocation.
int lumen_sim_cuda_hold(CUdeviceptr address, const char* by);
/// The context that is current on this thread; null: none.
CUcontext lumen_sim_cuda_current_context(void);
/// 0: it does not exist or is dead.
int lumen_sim_cuda_context_usable(CUcontext context);
/// Counts, traces and may fail a call of another library under its own name, as for CUDA's. -1: go
/// on; else the code that it is told to fail with.
int lumen_sim_cuda_enter(const char* name);
void lumen_sim_cuda_leave(const char* name, int code);
/// A rule of the other library was broken.
void lumen_sim_cuda_violation(const char* text);

#ifdef __cplusplus
}
#endif
