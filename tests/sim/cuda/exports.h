// Every function that the stand-in exports, declared by its type in ffnvcodec's header or
// zerocopy/cuda/driver_types.h: a definition with another signature does not compile.
#pragma once

#include "tests/sim/export.h"
#include "zerocopy/cuda/driver_types.h"

namespace lumen::sim {

// What only newer headers than Debian 12's have; the descriptor is not looked at.
using CtxGetCurrent = CUresult CUDAAPI(CUcontext* context);
using ArrayCreate = CUresult CUDAAPI(CUarray* array, const void* description);

}  // namespace lumen::sim

// X(exported name, type)
#define LUMEN_SIM_CUDA_EXPORTS(X)                                                           \
  X(cuInit, tcuInit)                                                                        \
  X(cuDriverGetVersion, lumen::cuda::tcuDriverGetVersion)                                   \
  X(cuDeviceGetCount, tcuDeviceGetCount)                                                    \
  X(cuDeviceGet, tcuDeviceGet)                                                              \
  X(cuDeviceGetName, tcuDeviceGetName)                                                      \
  X(cuDeviceGetUuid, tcuDeviceGetUuid)                                                      \
  X(cuDeviceGetPCIBusId, lumen::cuda::tcuDeviceGetPCIBusId)                                 \
  X(cuDeviceGetAttribute, tcuDeviceGetAttribute)                                            \
  X(cuDeviceComputeCapability, tcuDeviceComputeCapability)                                  \
  X(cuDevicePrimaryCtxRetain, tcuDevicePrimaryCtxRetain)                                    \
  X(cuDevicePrimaryCtxRelease, tcuDevicePrimaryCtxRelease)                                  \
  X(cuDevicePrimaryCtxRelease_v2, tcuDevicePrimaryCtxRelease)                               \
  X(cuDevicePrimaryCtxSetFlags, tcuDevicePrimaryCtxSetFlags)                                \
  X(cuDevicePrimaryCtxGetState, tcuDevicePrimaryCtxGetState)                                \
  X(cuDevicePrimaryCtxReset, tcuDevicePrimaryCtxReset)                                      \
  X(cuCtxCreate_v2, tcuCtxCreate_v2)                                                        \
  X(cuCtxDestroy_v2, tcuCtxDestroy_v2)                                                      \
  X(cuCtxPushCurrent_v2, tcuCtxPushCurrent_v2)                                              \
  X(cuCtxPopCurrent_v2, tcuCtxPopCurrent_v2)                                                \
  X(cuCtxGetCurrent, lumen::sim::CtxGetCurrent)                                             \
  X(cuCtxGetDevice, tcuCtxGetDevice)                                                        \
  X(cuCtxSetLimit, tcuCtxSetLimit)                                                          \
  X(cuGetErrorName, tcuGetErrorName)                                                        \
  X(cuGetErrorString, tcuGetErrorString)                                                    \
  X(cuMemAlloc_v2, tcuMemAlloc_v2)                                                          \
  X(cuMemAllocPitch_v2, tcuMemAllocPitch_v2)                                                \
  X(cuMemAllocManaged, tcuMemAllocManaged)                                                  \
  X(cuMemFree_v2, tcuMemFree_v2)                                                            \
  X(cuMemGetInfo_v2, lumen::cuda::tcuMemGetInfo_v2)                                         \
  X(cuMemHostAlloc, lumen::cuda::tcuMemHostAlloc)                                           \
  X(cuMemFreeHost, lumen::cuda::tcuMemFreeHost)                                             \
  X(cuMemcpy, tcuMemcpy)                                                                    \
  X(cuMemcpyAsync, tcuMemcpyAsync)                                                          \
  X(cuMemcpy2D_v2, tcuMemcpy2D_v2)                                                          \
  X(cuMemcpy2DAsync_v2, tcuMemcpy2DAsync_v2)                                                \
  X(cuMemcpyHtoD_v2, tcuMemcpyHtoD_v2)                                                      \
  X(cuMemcpyHtoDAsync_v2, tcuMemcpyHtoDAsync_v2)                                            \
  X(cuMemcpyDtoH_v2, tcuMemcpyDtoH_v2)                                                      \
  X(cuMemcpyDtoHAsync_v2, tcuMemcpyDtoHAsync_v2)                                            \
  X(cuMemcpyDtoD_v2, tcuMemcpyDtoD_v2)                                                      \
  X(cuMemcpyDtoDAsync_v2, tcuMemcpyDtoDAsync_v2)                                            \
  X(cuMemsetD8Async, tcuMemsetD8Async)                                                      \
  X(cuMemsetD2D8Async, lumen::cuda::tcuMemsetD2D8Async)                                     \
  X(cuArrayCreate_v2, lumen::sim::ArrayCreate)                                              \
  X(cuArray3DCreate_v2, tcuArray3DCreate)                                                   \
  X(cuArrayDestroy, tcuArrayDestroy)                                                        \
  X(cuMipmappedArrayGetLevel, tcuMipmappedArrayGetLevel)                                    \
  X(cuMipmappedArrayDestroy, tcuMipmappedArrayDestroy)                                      \
  X(cuStreamCreate, tcuStreamCreate)                                                        \
  X(cuStreamDestroy_v2, tcuStreamDestroy_v2)                                                \
  X(cuStreamSynchronize, tcuStreamSynchronize)                                              \
  X(cuStreamQuery, tcuStreamQuery)                                                          \
  X(cuStreamWaitEvent, lumen::cuda::tcuStreamWaitEvent)                                     \
  X(cuStreamAddCallback, tcuStreamAddCallback)                                              \
  X(cuLaunchHostFunc, lumen::cuda::tcuLaunchHostFunc)                                       \
  X(cuEventCreate, tcuEventCreate)                                                          \
  X(cuEventDestroy_v2, tcuEventDestroy_v2)                                                  \
  X(cuEventRecord, tcuEventRecord)                                                          \
  X(cuEventQuery, tcuEventQuery)                                                            \
  X(cuEventSynchronize, tcuEventSynchronize)                                                \
  X(cuModuleLoadData, tcuModuleLoadData)                                                    \
  X(cuModuleUnload, tcuModuleUnload)                                                        \
  X(cuModuleGetFunction, tcuModuleGetFunction)                                              \
  X(cuModuleGetGlobal, tcuModuleGetGlobal)                                                  \
  X(cuLaunchKernel, tcuLaunchKernel)                                                        \
  X(cuLinkCreate, tcuLinkCreate)                                                            \
  X(cuLinkAddData, tcuLinkAddData)                                                          \
  X(cuLinkComplete, tcuLinkComplete)                                                        \
  X(cuLinkDestroy, tcuLinkDestroy)                                                          \
  X(cuTexObjectCreate, tcuTexObjectCreate)                                                  \
  X(cuTexObjectDestroy, tcuTexObjectDestroy)                                                \
  X(cuGLGetDevices_v2, tcuGLGetDevices_v2)                                                  \
  X(cuGraphicsGLRegisterImage, tcuGraphicsGLRegisterImage)                                  \
  X(cuGraphicsEGLRegisterImage, lumen::cuda::tcuGraphicsEGLRegisterImage)                   \
  X(cuGraphicsResourceGetMappedEglFrame, lumen::cuda::tcuGraphicsResourceGetMappedEglFrame) \
  X(cuGraphicsUnregisterResource, tcuGraphicsUnregisterResource)                            \
  X(cuGraphicsMapResources, tcuGraphicsMapResources)                                        \
  X(cuGraphicsUnmapResources, tcuGraphicsUnmapResources)                                    \
  X(cuGraphicsSubResourceGetMappedArray, tcuGraphicsSubResourceGetMappedArray)              \
  X(cuGraphicsResourceGetMappedPointer_v2, tcuGraphicsResourceGetMappedPointer)             \
  X(cuImportExternalMemory, tcuImportExternalMemory)                                        \
  X(cuDestroyExternalMemory, tcuDestroyExternalMemory)                                      \
  X(cuExternalMemoryGetMappedBuffer, tcuExternalMemoryGetMappedBuffer)                      \
  X(cuExternalMemoryGetMappedMipmappedArray, tcuExternalMemoryGetMappedMipmappedArray)      \
  X(cuImportExternalSemaphore, tcuImportExternalSemaphore)                                  \
  X(cuDestroyExternalSemaphore, tcuDestroyExternalSemaphore)                                \
  X(cuSignalExternalSemaphoresAsync, tcuSignalExternalSemaphoresAsync)                      \
  X(cuWaitExternalSemaphoresAsync, tcuWaitExternalSemaphoresAsync)

extern "C" {
#define LUMEN_SIM_DECLARE(name, type) LUMEN_SIM_EXPORT type name;
LUMEN_SIM_CUDA_EXPORTS(LUMEN_SIM_DECLARE)
#undef LUMEN_SIM_DECLARE
}
