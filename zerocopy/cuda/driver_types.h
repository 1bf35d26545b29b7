// What cuda.h and cudaEGL.h declare and ffnvcodec's dynlink_cuda.h (11.1) does not. Values and
// signatures are those of CUDA 11.0 and later, which the driver keeps stable.
#pragma once

#include <cstddef>

#include <ffnvcodec/dynlink_cuda.h>

namespace lumen::cuda {

using EglImage = void*;  // EGLImageKHR, without EGL's headers

using tcuDriverGetVersion = CUresult CUDAAPI(int* version);
using tcuDeviceGetPCIBusId = CUresult CUDAAPI(char* pci_bus_id, int length, CUdevice device);
using tcuMemGetInfo_v2 = CUresult CUDAAPI(std::size_t* free, std::size_t* total);
using tcuMemHostAlloc = CUresult CUDAAPI(void** pointer, std::size_t size, unsigned flags);
using tcuMemFreeHost = CUresult CUDAAPI(void* pointer);
using tcuMemsetD2D8Async = CUresult CUDAAPI(CUdeviceptr address, std::size_t pitch,
                                            unsigned char value, std::size_t width,
                                            std::size_t height, CUstream stream);
using tcuStreamWaitEvent = CUresult CUDAAPI(CUstream stream, CUevent event, unsigned flags);
using HostFunction = void CUDAAPI(void* user_data);
using tcuLaunchHostFunc = CUresult CUDAAPI(CUstream stream, HostFunction* function,
                                           void* user_data);
using tcuGraphicsEGLRegisterImage = CUresult CUDAAPI(CUgraphicsResource* resource, EglImage image,
                                                     unsigned flags);
using tcuGraphicsResourceGetMappedEglFrame = CUresult CUDAAPI(CUeglFrame* frame,
                                                              CUgraphicsResource resource,
                                                              unsigned index, unsigned mip_level);

// CUresult values that lumen tells apart (cuda.h, enum cudaError_enum).
inline constexpr int kErrorInvalidValue = 1;
inline constexpr int kErrorOutOfMemory = 2;
inline constexpr int kErrorNotInitialized = 3;
inline constexpr int kErrorDeinitialized = 4;
inline constexpr int kErrorNoDevice = 100;
inline constexpr int kErrorInvalidDevice = 101;
inline constexpr int kErrorInvalidImage = 200;
inline constexpr int kErrorInvalidContext = 201;
inline constexpr int kErrorEccUncorrectable = 214;
inline constexpr int kErrorInvalidPtx = 218;
inline constexpr int kErrorInvalidHandle = 400;
inline constexpr int kErrorNotReady = 600;
inline constexpr int kErrorIllegalAddress = 700;
inline constexpr int kErrorLaunchTimeout = 702;
inline constexpr int kErrorContextIsDestroyed = 709;
inline constexpr int kErrorLaunchFailed = 719;
inline constexpr int kErrorNotSupported = 801;
inline constexpr int kErrorSystemNotReady = 802;
inline constexpr int kErrorSystemDriverMismatch = 803;
inline constexpr int kErrorUnknown = 999;

inline constexpr unsigned kMemHostAllocPortable = 1;      // CU_MEMHOSTALLOC_PORTABLE
inline constexpr unsigned kExternalMemoryDedicated = 1;   // CUDA_EXTERNAL_MEMORY_DEDICATED
inline constexpr unsigned kGraphicsRegisterReadOnly = 1;  // CU_GRAPHICS_REGISTER_FLAGS_READ_ONLY
inline constexpr unsigned kContextSchedBlockingSync = 4;  // CU_CTX_SCHED_BLOCKING_SYNC
inline constexpr unsigned kArraySurfaceLoadStore = 2;     // CUDA_ARRAY3D_SURFACE_LDST
/// CU_EXTERNAL_SEMAPHORE_HANDLE_TYPE_TIMELINE_SEMAPHORE_FD
inline constexpr auto kTimelineSemaphoreFd = static_cast<CUexternalSemaphoreHandleType>(9);

}  // namespace lumen::cuda
