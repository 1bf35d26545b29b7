// The entry points, under their names in NV_ENCODE_API_FUNCTION_LIST, which is the only way to
// them.
#pragma once

#include <cstdint>

#include <ffnvcodec/nvEncodeAPI.h>

namespace lumen::sim::nvenc {

// api_query.cpp
NVENCSTATUS nvEncGetEncodeGUIDCount(void* encoder, std::uint32_t* count);
NVENCSTATUS nvEncGetEncodeGUIDs(void* encoder, GUID* guids, std::uint32_t size,
                                std::uint32_t* count);
NVENCSTATUS nvEncGetEncodeProfileGUIDCount(void* encoder, GUID codec, std::uint32_t* count);
NVENCSTATUS nvEncGetEncodeProfileGUIDs(void* encoder, GUID codec, GUID* guids, std::uint32_t size,
                                       std::uint32_t* count);
NVENCSTATUS nvEncGetInputFormatCount(void* encoder, GUID codec, std::uint32_t* count);
NVENCSTATUS nvEncGetInputFormats(void* encoder, GUID codec, NV_ENC_BUFFER_FORMAT* formats,
                                 std::uint32_t size, std::uint32_t* count);
NVENCSTATUS nvEncGetEncodeCaps(void* encoder, GUID codec, NV_ENC_CAPS_PARAM* params, int* value);
NVENCSTATUS nvEncGetEncodePresetCount(void* encoder, GUID codec, std::uint32_t* count);
NVENCSTATUS nvEncGetEncodePresetGUIDs(void* encoder, GUID codec, GUID* guids, std::uint32_t size,
                                      std::uint32_t* count);
NVENCSTATUS nvEncGetEncodePresetConfig(void* encoder, GUID codec, GUID preset,
                                       NV_ENC_PRESET_CONFIG* config);
NVENCSTATUS nvEncGetEncodePresetConfigEx(void* encoder, GUID codec, GUID preset,
                                         NV_ENC_TUNING_INFO tuning, NV_ENC_PRESET_CONFIG* config);
NVENCSTATUS nvEncGetSequenceParams(void* encoder, NV_ENC_SEQUENCE_PARAM_PAYLOAD* payload);
NVENCSTATUS nvEncGetSequenceParamEx(void* encoder, NV_ENC_INITIALIZE_PARAMS* params,
                                    NV_ENC_SEQUENCE_PARAM_PAYLOAD* payload);
NVENCSTATUS nvEncGetEncodeStats(void* encoder, NV_ENC_STAT* stats);
const char* nvEncGetLastErrorString(void* encoder);

// api_session.cpp
NVENCSTATUS nvEncOpenEncodeSession(void* device, std::uint32_t type, void** encoder);
NVENCSTATUS nvEncOpenEncodeSessionEx(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS* params, void** encoder);
NVENCSTATUS nvEncInitializeEncoder(void* encoder, NV_ENC_INITIALIZE_PARAMS* params);
NVENCSTATUS nvEncReconfigureEncoder(void* encoder, NV_ENC_RECONFIGURE_PARAMS* params);
NVENCSTATUS nvEncSetIOCudaStreams(void* encoder, NV_ENC_CUSTREAM_PTR input,
                                  NV_ENC_CUSTREAM_PTR output);
NVENCSTATUS nvEncDestroyEncoder(void* encoder);

// api_input.cpp
NVENCSTATUS nvEncCreateInputBuffer(void* encoder, NV_ENC_CREATE_INPUT_BUFFER* params);
NVENCSTATUS nvEncDestroyInputBuffer(void* encoder, NV_ENC_INPUT_PTR buffer);
NVENCSTATUS nvEncLockInputBuffer(void* encoder, NV_ENC_LOCK_INPUT_BUFFER* params);
NVENCSTATUS nvEncUnlockInputBuffer(void* encoder, NV_ENC_INPUT_PTR buffer);
NVENCSTATUS nvEncRegisterResource(void* encoder, NV_ENC_REGISTER_RESOURCE* params);
NVENCSTATUS nvEncUnregisterResource(void* encoder, NV_ENC_REGISTERED_PTR registration);
NVENCSTATUS nvEncMapInputResource(void* encoder, NV_ENC_MAP_INPUT_RESOURCE* params);
NVENCSTATUS nvEncUnmapInputResource(void* encoder, NV_ENC_INPUT_PTR mapping);

// api_picture.cpp
NVENCSTATUS nvEncEncodePicture(void* encoder, NV_ENC_PIC_PARAMS* params);
NVENCSTATUS nvEncInvalidateRefFrames(void* encoder, std::uint64_t time_stamp);

// api_bitstream.cpp
NVENCSTATUS nvEncCreateBitstreamBuffer(void* encoder, NV_ENC_CREATE_BITSTREAM_BUFFER* params);
NVENCSTATUS nvEncDestroyBitstreamBuffer(void* encoder, NV_ENC_OUTPUT_PTR buffer);
NVENCSTATUS nvEncLockBitstream(void* encoder, NV_ENC_LOCK_BITSTREAM* params);
NVENCSTATUS nvEncUnlockBitstream(void* encoder, NV_ENC_OUTPUT_PTR buffer);

// api_list.cpp: what the stand-in does not do
NVENCSTATUS nvEncRegisterAsyncEvent(void* encoder, NV_ENC_EVENT_PARAMS* params);
NVENCSTATUS nvEncUnregisterAsyncEvent(void* encoder, NV_ENC_EVENT_PARAMS* params);
NVENCSTATUS nvEncCreateMVBuffer(void* encoder, NV_ENC_CREATE_MV_BUFFER* params);
NVENCSTATUS nvEncDestroyMVBuffer(void* encoder, NV_ENC_OUTPUT_PTR buffer);
NVENCSTATUS nvEncRunMotionEstimationOnly(void* encoder, NV_ENC_MEONLY_PARAMS* params);

}  // namespace lumen::sim::nvenc
