// libcuda.so.1 as an immutable table of functions, loaded at run time: one binary runs on a machine
// with no NVIDIA driver. Every CUDA call of lumen goes through such a table, so a test may hand in
// one that counts or fails.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "zerocopy/cuda/driver_types.h"

namespace lumen::cuda {

// X(member, type, exported name). Versioned names are those of the current ABI.
#define LUMEN_CUDA_REQUIRED(X)                                                             \
  X(cuInit, tcuInit, "cuInit")                                                             \
  X(cuDriverGetVersion, tcuDriverGetVersion, "cuDriverGetVersion")                         \
  X(cuDeviceGetCount, tcuDeviceGetCount, "cuDeviceGetCount")                               \
  X(cuDeviceGet, tcuDeviceGet, "cuDeviceGet")                                              \
  X(cuDeviceGetName, tcuDeviceGetName, "cuDeviceGetName")                                  \
  X(cuDeviceGetUuid, tcuDeviceGetUuid, "cuDeviceGetUuid")                                  \
  X(cuDeviceGetPCIBusId, tcuDeviceGetPCIBusId, "cuDeviceGetPCIBusId")                      \
  X(cuDeviceGetAttribute, tcuDeviceGetAttribute, "cuDeviceGetAttribute")                   \
  X(cuDevicePrimaryCtxRetain, tcuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain")       \
  X(cuDevicePrimaryCtxRelease, tcuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2") \
  X(cuCtxPushCurrent, tcuCtxPushCurrent_v2, "cuCtxPushCurrent_v2")                         \
  X(cuCtxPopCurrent, tcuCtxPopCurrent_v2, "cuCtxPopCurrent_v2")                            \
  X(cuGetErrorName, tcuGetErrorName, "cuGetErrorName")                                     \
  X(cuGetErrorString, tcuGetErrorString, "cuGetErrorString")                               \
  X(cuMemAllocPitch, tcuMemAllocPitch_v2, "cuMemAllocPitch_v2")                            \
  X(cuMemFree, tcuMemFree_v2, "cuMemFree_v2")                                              \
  X(cuMemGetInfo, tcuMemGetInfo_v2, "cuMemGetInfo_v2")                                     \
  X(cuMemHostAlloc, tcuMemHostAlloc, "cuMemHostAlloc")                                     \
  X(cuMemFreeHost, tcuMemFreeHost, "cuMemFreeHost")                                        \
  X(cuMemcpy2DAsync, tcuMemcpy2DAsync_v2, "cuMemcpy2DAsync_v2")                            \
  X(cuMemsetD2D8Async, tcuMemsetD2D8Async, "cuMemsetD2D8Async")                            \
  X(cuArray3DCreate, tcuArray3DCreate, "cuArray3DCreate_v2")                               \
  X(cuArrayDestroy, tcuArrayDestroy, "cuArrayDestroy")                                     \
  X(cuStreamCreate, tcuStreamCreate, "cuStreamCreate")                                     \
  X(cuStreamDestroy, tcuStreamDestroy_v2, "cuStreamDestroy_v2")                            \
  X(cuStreamSynchronize, tcuStreamSynchronize, "cuStreamSynchronize")                      \
  X(cuStreamQuery, tcuStreamQuery, "cuStreamQuery")                                        \
  X(cuStreamWaitEvent, tcuStreamWaitEvent, "cuStreamWaitEvent")                            \
  X(cuLaunchHostFunc, tcuLaunchHostFunc, "cuLaunchHostFunc")                               \
  X(cuEventCreate, tcuEventCreate, "cuEventCreate")                                        \
  X(cuEventDestroy, tcuEventDestroy_v2, "cuEventDestroy_v2")                               \
  X(cuEventRecord, tcuEventRecord, "cuEventRecord")                                        \
  X(cuEventQuery, tcuEventQuery, "cuEventQuery")                                           \
  X(cuEventSynchronize, tcuEventSynchronize, "cuEventSynchronize")                         \
  X(cuModuleLoadData, tcuModuleLoadData, "cuModuleLoadData")                               \
  X(cuModuleUnload, tcuModuleUnload, "cuModuleUnload")                                     \
  X(cuModuleGetFunction, tcuModuleGetFunction, "cuModuleGetFunction")                      \
  X(cuLaunchKernel, tcuLaunchKernel, "cuLaunchKernel")                                     \
  X(cuTexObjectCreate, tcuTexObjectCreate, "cuTexObjectCreate")                            \
  X(cuTexObjectDestroy, tcuTexObjectDestroy, "cuTexObjectDestroy")

// Null where the driver lacks them; a route that needs one checks first and says so.
#define LUMEN_CUDA_OPTIONAL(X)                                                                   \
  X(cuImportExternalMemory, tcuImportExternalMemory, "cuImportExternalMemory")                   \
  X(cuDestroyExternalMemory, tcuDestroyExternalMemory, "cuDestroyExternalMemory")                \
  X(cuExternalMemoryGetMappedBuffer, tcuExternalMemoryGetMappedBuffer,                           \
    "cuExternalMemoryGetMappedBuffer")                                                           \
  X(cuImportExternalSemaphore, tcuImportExternalSemaphore, "cuImportExternalSemaphore")          \
  X(cuDestroyExternalSemaphore, tcuDestroyExternalSemaphore, "cuDestroyExternalSemaphore")       \
  X(cuSignalExternalSemaphoresAsync, tcuSignalExternalSemaphoresAsync,                           \
    "cuSignalExternalSemaphoresAsync")                                                           \
  X(cuWaitExternalSemaphoresAsync, tcuWaitExternalSemaphoresAsync,                               \
    "cuWaitExternalSemaphoresAsync")                                                             \
  X(cuGraphicsGLRegisterImage, tcuGraphicsGLRegisterImage, "cuGraphicsGLRegisterImage")          \
  X(cuGraphicsEGLRegisterImage, tcuGraphicsEGLRegisterImage, "cuGraphicsEGLRegisterImage")       \
  X(cuGraphicsResourceGetMappedEglFrame, tcuGraphicsResourceGetMappedEglFrame,                   \
    "cuGraphicsResourceGetMappedEglFrame")                                                       \
  X(cuGraphicsUnregisterResource, tcuGraphicsUnregisterResource, "cuGraphicsUnregisterResource") \
  X(cuGraphicsMapResources, tcuGraphicsMapResources, "cuGraphicsMapResources")                   \
  X(cuGraphicsUnmapResources, tcuGraphicsUnmapResources, "cuGraphicsUnmapResources")             \
  X(cuGraphicsSubResourceGetMappedArray, tcuGraphicsSubResourceGetMappedArray,                   \
    "cuGraphicsSubResourceGetMappedArray")

struct Driver {
#define LUMEN_CUDA_MEMBER(member, type, name) type* member = nullptr;
  LUMEN_CUDA_REQUIRED(LUMEN_CUDA_MEMBER)
  LUMEN_CUDA_OPTIONAL(LUMEN_CUDA_MEMBER)
#undef LUMEN_CUDA_MEMBER

  std::shared_ptr<void> library;  // keeps the functions' code loaded
  int version = 0;                // of the driver's CUDA API: 12040 is 12.4

  /// An error for anything but success. The kind says what to do: kDeviceLost, the context is dead,
  /// rebuild or step down; kIo, out of memory; kUnsupported, this driver can't. Domain "cuda".
  [[nodiscard]] Result<void> check(CUresult result, std::string_view call) const;
};

/// Loads libcuda.so.1 and initializes CUDA. Errors: kUnsupported with a reason that a user can act
/// on: no driver, one too old, no GPU, a kernel module that does not match.
Result<std::shared_ptr<const Driver>> load_driver(const std::string& soname = "libcuda.so.1");

}  // namespace lumen::cuda
