#include "api.h"
#include "simulator.h"
#include "tests/sim/export.h"

namespace lumen::sim::nvenc {
namespace {

NVENCSTATUS unimplemented(const char* name, void* encoder) {
  return call(name, encoder, {},
              [](Simulator&, Lock&, const auto&) { return NV_ENC_ERR_UNIMPLEMENTED; });
}

/// Of headers of version 12 and later.
template <typename List>
void fill_newer(List& list) {
  if constexpr (requires { list.nvEncLookaheadPicture; }) {
    list.nvEncLookaheadPicture = [](void* encoder, auto*) {
      return unimplemented("nvEncLookaheadPicture", encoder);
    };
  }
  if constexpr (requires { list.nvEncRestoreEncoderState; }) {
    list.nvEncRestoreEncoderState = [](void* encoder, auto*) {
      return unimplemented("nvEncRestoreEncoderState", encoder);
    };
  }
}

void fill(NV_ENCODE_API_FUNCTION_LIST& list) {
  list.nvEncOpenEncodeSession = nvEncOpenEncodeSession;
  list.nvEncGetEncodeGUIDCount = nvEncGetEncodeGUIDCount;
  list.nvEncGetEncodeProfileGUIDCount = nvEncGetEncodeProfileGUIDCount;
  list.nvEncGetEncodeProfileGUIDs = nvEncGetEncodeProfileGUIDs;
  list.nvEncGetEncodeGUIDs = nvEncGetEncodeGUIDs;
  list.nvEncGetInputFormatCount = nvEncGetInputFormatCount;
  list.nvEncGetInputFormats = nvEncGetInputFormats;
  list.nvEncGetEncodeCaps = nvEncGetEncodeCaps;
  list.nvEncGetEncodePresetCount = nvEncGetEncodePresetCount;
  list.nvEncGetEncodePresetGUIDs = nvEncGetEncodePresetGUIDs;
  list.nvEncGetEncodePresetConfig = nvEncGetEncodePresetConfig;
  list.nvEncInitializeEncoder = nvEncInitializeEncoder;
  list.nvEncCreateInputBuffer = nvEncCreateInputBuffer;
  list.nvEncDestroyInputBuffer = nvEncDestroyInputBuffer;
  list.nvEncCreateBitstreamBuffer = nvEncCreateBitstreamBuffer;
  list.nvEncDestroyBitstreamBuffer = nvEncDestroyBitstreamBuffer;
  list.nvEncEncodePicture = nvEncEncodePicture;
  list.nvEncLockBitstream = nvEncLockBitstream;
  list.nvEncUnlockBitstream = nvEncUnlockBitstream;
  list.nvEncLockInputBuffer = nvEncLockInputBuffer;
  list.nvEncUnlockInputBuffer = nvEncUnlockInputBuffer;
  list.nvEncGetEncodeStats = nvEncGetEncodeStats;
  list.nvEncGetSequenceParams = nvEncGetSequenceParams;
  list.nvEncRegisterAsyncEvent = nvEncRegisterAsyncEvent;
  list.nvEncUnregisterAsyncEvent = nvEncUnregisterAsyncEvent;
  list.nvEncMapInputResource = nvEncMapInputResource;
  list.nvEncUnmapInputResource = nvEncUnmapInputResource;
  list.nvEncDestroyEncoder = nvEncDestroyEncoder;
  list.nvEncInvalidateRefFrames = nvEncInvalidateRefFrames;
  list.nvEncOpenEncodeSessionEx = nvEncOpenEncodeSessionEx;
  list.nvEncRegisterResource = nvEncRegisterResource;
  list.nvEncUnregisterResource = nvEncUnregisterResource;
  list.nvEncReconfigureEncoder = nvEncReconfigureEncoder;
  list.nvEncCreateMVBuffer = nvEncCreateMVBuffer;
  list.nvEncDestroyMVBuffer = nvEncDestroyMVBuffer;
  list.nvEncRunMotionEstimationOnly = nvEncRunMotionEstimationOnly;
  list.nvEncGetLastErrorString = nvEncGetLastErrorString;
  list.nvEncSetIOCudaStreams = nvEncSetIOCudaStreams;
  list.nvEncGetEncodePresetConfigEx = nvEncGetEncodePresetConfigEx;
  list.nvEncGetSequenceParamEx = nvEncGetSequenceParamEx;
  fill_newer(list);
}

/// An entry point without a session.
template <typename Body>
NVENCSTATUS call_library(const char* name, Body&& body) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  const auto told = sim.journal.enter(name);
  const NVENCSTATUS done = told ? static_cast<NVENCSTATUS>(*told) : body(sim);
  sim.journal.leave(name, done);
  return done;
}

}  // namespace

// Motion estimation alone is nothing that lumen does.
NVENCSTATUS nvEncCreateMVBuffer(void* encoder, NV_ENC_CREATE_MV_BUFFER*) {
  return unimplemented(__func__, encoder);
}
NVENCSTATUS nvEncDestroyMVBuffer(void* encoder, NV_ENC_OUTPUT_PTR) {
  return unimplemented(__func__, encoder);
}
NVENCSTATUS nvEncRunMotionEstimationOnly(void* encoder, NV_ENC_MEONLY_PARAMS*) {
  return unimplemented(__func__, encoder);
}

}  // namespace lumen::sim::nvenc

using namespace lumen::sim::nvenc;

extern "C" {

LUMEN_SIM_EXPORT NVENCSTATUS NvEncodeAPIGetMaxSupportedVersion(std::uint32_t* version) {
  return call_library(__func__, [&](Simulator& sim) {
    if (version == nullptr) return sim.broken(NV_ENC_ERR_INVALID_PTR, "null version");
    *version = sim.version_major << 4 | sim.version_minor;
    return NV_ENC_SUCCESS;
  });
}

LUMEN_SIM_EXPORT NVENCSTATUS NvEncodeAPICreateInstance(NV_ENCODE_API_FUNCTION_LIST* list) {
  return call_library(__func__, [&](Simulator& sim) {
    const NVENCSTATUS version =
        check_version(sim, list, NV_ENCODE_API_FUNCTION_LIST_VER, "NV_ENCODE_API_FUNCTION_LIST");
    if (version != NV_ENC_SUCCESS) return version;
    fill(*list);
    return NV_ENC_SUCCESS;
  });
}

}  // extern "C"
