// Functions that FFmpeg's loader wants to exist, or that the driver may refuse: they refuse.
#include "exports.h"
#include "simulator.h"

using lumen::sim::unsupported;

CUresult cuMemAllocManaged(CUdeviceptr*, std::size_t, unsigned) { return unsupported(__func__); }
CUresult cuDevicePrimaryCtxReset(CUdevice) { return unsupported(__func__); }
CUresult cuArrayCreate_v2(CUarray*, const void*) { return unsupported(__func__); }
CUresult cuMipmappedArrayGetLevel(CUarray*, CUmipmappedArray, unsigned) {
  return unsupported(__func__);
}
CUresult cuMipmappedArrayDestroy(CUmipmappedArray) { return unsupported(__func__); }
CUresult cuModuleGetGlobal(CUdeviceptr*, std::size_t*, CUmodule, const char*) {
  return unsupported(__func__);
}
CUresult cuLinkCreate(unsigned, CUjit_option*, void**, CUlinkState*) {
  return unsupported(__func__);
}
CUresult cuLinkAddData(CUlinkState, CUjitInputType, void*, std::size_t, const char*, unsigned,
                       CUjit_option*, void**) {
  return unsupported(__func__);
}
CUresult cuLinkComplete(CUlinkState, void**, std::size_t*) { return unsupported(__func__); }
CUresult cuLinkDestroy(CUlinkState) { return unsupported(__func__); }
CUresult cuGraphicsResourceGetMappedPointer_v2(CUdeviceptr*, std::size_t*, CUgraphicsResource) {
  return unsupported(__func__);
}
CUresult cuExternalMemoryGetMappedMipmappedArray(CUmipmappedArray*, CUexternalMemory,
                                                 const CUDA_EXTERNAL_MEMORY_MIPMAPPED_ARRAY_DESC*) {
  return unsupported(__func__);
}

// lavapipe exports no timeline semaphore, so there is nothing to import.
CUresult cuImportExternalSemaphore(CUexternalSemaphore*,
                                   const CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC*) {
  return unsupported(__func__);
}
CUresult cuDestroyExternalSemaphore(CUexternalSemaphore) { return unsupported(__func__); }
CUresult cuSignalExternalSemaphoresAsync(const CUexternalSemaphore*,
                                         const CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS*, unsigned,
                                         CUstream) {
  return unsupported(__func__);
}
CUresult cuWaitExternalSemaphoresAsync(const CUexternalSemaphore*,
                                       const CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS*, unsigned,
                                       CUstream) {
  return unsupported(__func__);
}
