#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "api.h"
#include "presets.h"
#include "simulator.h"

namespace lumen::sim::nvenc {
namespace {

std::vector<GUID> codec_guids(const Gpu& gpu) {
  std::vector<GUID> guids;
  if (gpu.h264.present) guids.push_back(NV_ENC_CODEC_H264_GUID);
  if (gpu.hevc.present) guids.push_back(NV_ENC_CODEC_HEVC_GUID);
#if NVENCAPI_MAJOR_VERSION >= 12
  if (gpu.av1.present) guids.push_back(NV_ENC_CODEC_AV1_GUID);
#endif
  return guids;
}

/// Nothing: the GPU does not have it, and `status` says so.
std::optional<CodecKind> require_codec(Simulator& sim, const GUID& guid, NVENCSTATUS& status) {
  const auto codec = codec_of(guid);
  if (codec && sim.gpu->abilities(*codec).present) return codec;
  status = NV_ENC_ERR_INVALID_PARAM;
  return std::nullopt;
}

template <typename Item>
NVENCSTATUS hand_out(Simulator& sim, std::span<const Item> list, Item* to, std::uint32_t size,
                     std::uint32_t* count) {
  if (to == nullptr || count == nullptr) return sim.broken(NV_ENC_ERR_INVALID_PTR, "null list");
  const std::size_t copied = std::min<std::size_t>(size, list.size());
  std::copy_n(list.begin(), copied, to);
  *count = static_cast<std::uint32_t>(copied);
  return NV_ENC_SUCCESS;
}

NVENCSTATUS hand_out_count(Simulator& sim, std::size_t number, std::uint32_t* count) {
  if (count == nullptr) return sim.broken(NV_ENC_ERR_INVALID_PTR, "null count");
  *count = static_cast<std::uint32_t>(number);
  return NV_ENC_SUCCESS;
}

/// Queries about a codec: `body` gets it.
template <typename Body>
NVENCSTATUS about(const char* name, void* encoder, const GUID& guid, Body&& body) {
  return call(name, encoder, {}, [&](Simulator& sim, Lock&, const auto&) {
    NVENCSTATUS status = NV_ENC_SUCCESS;
    const auto codec = require_codec(sim, guid, status);
    return codec ? body(sim, *codec) : status;
  });
}

NVENCSTATUS hand_out_headers(Simulator& sim, const std::vector<std::uint8_t>& bytes,
                             NV_ENC_SEQUENCE_PARAM_PAYLOAD& payload) {
  if (payload.spsppsBuffer == nullptr || payload.outSPSPPSPayloadSize == nullptr) {
    return sim.broken(NV_ENC_ERR_INVALID_PTR, "no place for the parameter sets");
  }
  if (bytes.size() > payload.inBufferSize) return NV_ENC_ERR_NOT_ENOUGH_BUFFER;
  std::memcpy(payload.spsppsBuffer, bytes.data(), bytes.size());
  *payload.outSPSPPSPayloadSize = static_cast<std::uint32_t>(bytes.size());
  return NV_ENC_SUCCESS;
}

}  // namespace

NVENCSTATUS nvEncGetEncodeGUIDCount(void* encoder, std::uint32_t* count) {
  return call(__func__, encoder, {}, [&](Simulator& sim, Lock&, const auto&) {
    return hand_out_count(sim, codec_guids(*sim.gpu).size(), count);
  });
}

NVENCSTATUS nvEncGetEncodeGUIDs(void* encoder, GUID* guids, std::uint32_t size,
                                std::uint32_t* count) {
  return call(__func__, encoder, {}, [&](Simulator& sim, Lock&, const auto&) {
    const auto list = codec_guids(*sim.gpu);
    return hand_out(sim, std::span<const GUID>(list), guids, size, count);
  });
}

NVENCSTATUS nvEncGetEncodeProfileGUIDCount(void* encoder, GUID guid, std::uint32_t* count) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind codec) {
    return hand_out_count(sim, profile_guids(codec).size(), count);
  });
}

NVENCSTATUS nvEncGetEncodeProfileGUIDs(void* encoder, GUID guid, GUID* guids, std::uint32_t size,
                                       std::uint32_t* count) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind codec) {
    return hand_out(sim, profile_guids(codec), guids, size, count);
  });
}

NVENCSTATUS nvEncGetInputFormatCount(void* encoder, GUID guid, std::uint32_t* count) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind) {
    return hand_out_count(sim, input_formats().size(), count);
  });
}

NVENCSTATUS nvEncGetInputFormats(void* encoder, GUID guid, NV_ENC_BUFFER_FORMAT* formats,
                                 std::uint32_t size, std::uint32_t* count) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind) {
    return hand_out(sim, input_formats(), formats, size, count);
  });
}

NVENCSTATUS nvEncGetEncodeCaps(void* encoder, GUID guid, NV_ENC_CAPS_PARAM* params, int* value) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind codec) {
    const NVENCSTATUS version =
        check_version(sim, params, NV_ENC_CAPS_PARAM_VER, "NV_ENC_CAPS_PARAM");
    if (version != NV_ENC_SUCCESS) return version;
    if (value == nullptr) return sim.broken(NV_ENC_ERR_INVALID_PTR, "null value");
    if (!capability(*sim.gpu, codec, params->capsToQuery, *value)) return NV_ENC_ERR_INVALID_PARAM;
    *value = sim.ability(codec, params->capsToQuery);
    return NV_ENC_SUCCESS;
  });
}

NVENCSTATUS nvEncGetEncodePresetCount(void* encoder, GUID guid, std::uint32_t* count) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind) {
    return hand_out_count(sim, preset_guids().size(), count);
  });
}

NVENCSTATUS nvEncGetEncodePresetGUIDs(void* encoder, GUID guid, GUID* guids, std::uint32_t size,
                                      std::uint32_t* count) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind) {
    return hand_out(sim, preset_guids(), guids, size, count);
  });
}

// Only the presets of before SDK 10 go without a tuning, and those are not here.
NVENCSTATUS nvEncGetEncodePresetConfig(void* encoder, GUID guid, GUID, NV_ENC_PRESET_CONFIG*) {
  return about(__func__, encoder, guid,
               [](Simulator&, CodecKind) { return NV_ENC_ERR_UNSUPPORTED_PARAM; });
}

NVENCSTATUS nvEncGetEncodePresetConfigEx(void* encoder, GUID guid, GUID preset,
                                         NV_ENC_TUNING_INFO tuning, NV_ENC_PRESET_CONFIG* config) {
  return about(__func__, encoder, guid, [&](Simulator& sim, CodecKind codec) {
    NVENCSTATUS version =
        check_version(sim, config, NV_ENC_PRESET_CONFIG_VER, "NV_ENC_PRESET_CONFIG");
    if (version != NV_ENC_SUCCESS) return version;
    version = check_version(sim, &config->presetCfg, NV_ENC_CONFIG_VER, "NV_ENC_CONFIG");
    if (version != NV_ENC_SUCCESS) return version;
    if (!is_preset(preset)) return NV_ENC_ERR_UNSUPPORTED_PARAM;
    if (tuning <= NV_ENC_TUNING_INFO_UNDEFINED || tuning >= NV_ENC_TUNING_INFO_COUNT) {
      return sim.broken(NV_ENC_ERR_INVALID_PARAM, "no such tuning");
    }
    config->presetCfg = preset_config(codec, tuning);
    return NV_ENC_SUCCESS;
  });
}

NVENCSTATUS nvEncGetSequenceParams(void* encoder, NV_ENC_SEQUENCE_PARAM_PAYLOAD* payload) {
  return call(
      __func__, encoder, {.initialized = true}, [&](Simulator& sim, Lock&, const auto& session) {
        const NVENCSTATUS version = check_version(sim, payload, NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER,
                                                  "NV_ENC_SEQUENCE_PARAM_PAYLOAD");
        if (version != NV_ENC_SUCCESS) return version;
        // Those of the next picture, which may have another size than the last one.
        Encoding next;
        if (!next.open(session->stream_config, false)) return NV_ENC_ERR_GENERIC;
        return hand_out_headers(sim, next.headers(), *payload);
      });
}

NVENCSTATUS nvEncGetSequenceParamEx(void* encoder, NV_ENC_INITIALIZE_PARAMS* params,
                                    NV_ENC_SEQUENCE_PARAM_PAYLOAD* payload) {
  return call(__func__, encoder, {}, [&](Simulator& sim, Lock&, const auto&) {
    NVENCSTATUS version = check_version(sim, payload, NV_ENC_SEQUENCE_PARAM_PAYLOAD_VER,
                                        "NV_ENC_SEQUENCE_PARAM_PAYLOAD");
    if (version != NV_ENC_SUCCESS) return version;
    version = check_version(sim, params, NV_ENC_INITIALIZE_PARAMS_VER, "NV_ENC_INITIALIZE_PARAMS");
    if (version != NV_ENC_SUCCESS) return version;
    version = check_version(sim, params->encodeConfig, NV_ENC_CONFIG_VER, "NV_ENC_CONFIG");
    if (version != NV_ENC_SUCCESS) return version;
    std::string why;
    const auto config = stream_config(*params, *params->encodeConfig, why);
    Encoding next;
    if (!config || !next.open(*config, false)) return NV_ENC_ERR_INVALID_PARAM;
    return hand_out_headers(sim, next.headers(), *payload);
  });
}

NVENCSTATUS nvEncGetEncodeStats(void* encoder, NV_ENC_STAT* stats) {
  return call(
      __func__, encoder, {.initialized = true}, [&](Simulator& sim, Lock&, const auto& session) {
        const NVENCSTATUS version = check_version(sim, stats, NV_ENC_STAT_VER, "NV_ENC_STAT");
        if (version != NV_ENC_SUCCESS) return version;
        const auto bitstream = sim.find<Bitstream>(*session, stats->outputBitStream);
        if (bitstream == nullptr) return NV_ENC_ERR_INVALID_PARAM;
        if (!bitstream->locked) {
          return sim.broken(NV_ENC_ERR_INVALID_CALL, "the bitstream buffer is not locked");
        }
        const EncodeResult& result = bitstream->frame->result;
        stats->bitStreamSize = static_cast<std::uint32_t>(result.bytes.size());
        stats->picType = static_cast<std::uint32_t>(result.type);
        stats->lastValidByteOffset = stats->bitStreamSize;
        const std::size_t slices = std::min<std::size_t>(16, result.slice_offsets.size());
        std::copy_n(result.slice_offsets.begin(), slices, stats->sliceOffsets);
        stats->picIdx = bitstream->frame->index;
        stats->frameAvgQP = result.average_qp;
        return NV_ENC_SUCCESS;
      });
}

const char* nvEncGetLastErrorString(void* encoder) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.journal.enter(__func__);
  thread_local std::string text;
  const auto session = sim.find_session(encoder);
  text = session == nullptr ? "no such session" : session->last_error;
  sim.journal.leave(__func__, NV_ENC_SUCCESS);
  return text.c_str();
}

}  // namespace lumen::sim::nvenc
