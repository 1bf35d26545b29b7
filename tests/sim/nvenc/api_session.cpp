#include "api.h"
#include "chip.h"
#include "completion.h"
#include "presets.h"
#include "simulator.h"

namespace lumen::sim::nvenc {
namespace {

bool fits(const Simulator& sim, const NV_ENC_INITIALIZE_PARAMS& params, const StreamConfig& config,
          std::string& why) {
  const CodecAbilities& can = sim.gpu->abilities(config.codec);
  const auto ability = [&](NV_ENC_CAPS which) { return sim.ability(config.codec, which); };
  if (config.width > can.width_max || config.height > can.height_max ||
      config.width < ability(NV_ENC_CAPS_WIDTH_MIN) ||
      config.height < ability(NV_ENC_CAPS_HEIGHT_MIN)) {
    why = "picture size out of the GPU's range";
  } else if (config.ten_bit && !can.ten_bit) {
    why = "the GPU has no 10 bits";
  } else if (config.full_chroma && !can.yuv444) {
    why = "the GPU has no 4:4:4";
  } else if (static_cast<int>(config.ltr_frames) > ability(NV_ENC_CAPS_NUM_MAX_LTR_FRAMES)) {
    why = "the GPU has not so many long-term references";
  } else if (config.emphasis_map && ability(NV_ENC_CAPS_SUPPORT_EMPHASIS_LEVEL_MAP) == 0) {
    why = "the GPU has no emphasis maps";
  } else if (config.intra_refresh && ability(NV_ENC_CAPS_SUPPORT_INTRA_REFRESH) == 0) {
    why = "the GPU has no intra-refresh";
  } else if (params.enableSubFrameWrite != 0 &&
             ability(NV_ENC_CAPS_SUPPORT_SUBFRAME_READBACK) == 0) {
    why = "the GPU has no sub-frame readback";
  }
  return why.empty();
}

/// Fills in the preset where the client gives no configuration.
NVENCSTATUS read_config(Simulator& sim, const NV_ENC_INITIALIZE_PARAMS& params,
                        NV_ENC_CONFIG& config) {
  const auto codec = codec_of(params.encodeGUID);
  if (!codec || !sim.gpu->abilities(*codec).present) return NV_ENC_ERR_INVALID_PARAM;
  if (!is_preset(params.presetGUID)) return NV_ENC_ERR_INVALID_PARAM;
  if (params.encodeConfig == nullptr) {
    config = preset_config(*codec, params.tuningInfo);
    return NV_ENC_SUCCESS;
  }
  const NVENCSTATUS version =
      check_version(sim, params.encodeConfig, NV_ENC_CONFIG_VER, "NV_ENC_CONFIG");
  if (version != NV_ENC_SUCCESS) return version;
  config = *params.encodeConfig;
  if (!is_profile(*codec, config.profileGUID)) return NV_ENC_ERR_INVALID_PARAM;
  return NV_ENC_SUCCESS;
}

NVENCSTATUS check_tuning(Simulator& sim, const NV_ENC_INITIALIZE_PARAMS& params) {
  if (params.tuningInfo <= NV_ENC_TUNING_INFO_UNDEFINED ||
      params.tuningInfo >= NV_ENC_TUNING_INFO_COUNT) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "no such tuning");
  }
  if (params.enableEncodeAsync != 0 && !kHasEvents) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "asynchronous encoding is for Windows");
  }
  if (params.enableEncodeAsync != 0 && params.reportSliceOffsets != 0) {
    return sim.broken(NV_ENC_ERR_INVALID_PARAM, "slice offsets in asynchronous mode");
  }
  if (params.enableMEOnlyMode != 0 || params.enableOutputInVidmem != 0) {
    return NV_ENC_ERR_UNSUPPORTED_PARAM;
  }
  return NV_ENC_SUCCESS;
}

void keep(Session& session, const NV_ENC_INITIALIZE_PARAMS& params, const NV_ENC_CONFIG& config,
          const StreamConfig& stream) {
  session.params = params;
  session.config = config;
  session.params.encodeConfig = &session.config;
  session.stream_config = stream;
}

bool same_structure(const NV_ENC_CONFIG& a, const NV_ENC_CONFIG& b) {
  return a.gopLength == b.gopLength && a.frameIntervalP == b.frameIntervalP;
}

/// "Change in GOP structure, sync-async mode, MaxWidth & MaxHeight, PTD mode" is not supported.
const char* refuse_change(const Session& session, const NV_ENC_INITIALIZE_PARAMS& wanted,
                          const NV_ENC_CONFIG& config) {
  const NV_ENC_INITIALIZE_PARAMS& now = session.params;
  if (!same_guid(now.encodeGUID, wanted.encodeGUID)) return "another codec";
  if (!same_structure(session.config, config)) return "another GOP structure";
  if (now.enableEncodeAsync != wanted.enableEncodeAsync) return "another mode";
  if (now.enablePTD != wanted.enablePTD) return "another PTD mode";
  if (now.maxEncodeWidth != wanted.maxEncodeWidth ||
      now.maxEncodeHeight != wanted.maxEncodeHeight) {
    return "another largest size";
  }
  const bool resized =
      now.encodeWidth != wanted.encodeWidth || now.encodeHeight != wanted.encodeHeight;
  if (resized &&
      (wanted.encodeWidth > now.maxEncodeWidth || wanted.encodeHeight > now.maxEncodeHeight)) {
    return "larger than maxEncodeWidth and maxEncodeHeight";
  }
  return nullptr;
}

}  // namespace

// "Deprecated": always NV_ENC_ERR_INVALID_CALL.
NVENCSTATUS nvEncOpenEncodeSession(void*, std::uint32_t, void**) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  sim.journal.enter(__func__);
  sim.violation("deprecated, always fails");
  sim.journal.leave(__func__, NV_ENC_ERR_INVALID_CALL);
  return NV_ENC_ERR_INVALID_CALL;
}

NVENCSTATUS nvEncOpenEncodeSessionEx(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS* params, void** encoder) {
  Simulator& sim = simulator();
  const Lock lock(sim.mutex);
  const auto open = [&]() -> NVENCSTATUS {
    const NVENCSTATUS version = check_version(sim, params, NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER,
                                              "NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS");
    if (version != NV_ENC_SUCCESS) return version;
    if (encoder == nullptr) return sim.broken(NV_ENC_ERR_INVALID_PTR, "null encoder");
    if (params->apiVersion != NVENCAPI_VERSION) {
      return sim.broken(NV_ENC_ERR_INVALID_VERSION, "apiVersion is not NVENCAPI_VERSION");
    }
    if (std::pair(sim.version_major, sim.version_minor) <
        std::pair<unsigned, unsigned>(NVENCAPI_MAJOR_VERSION, NVENCAPI_MINOR_VERSION)) {
      return NV_ENC_ERR_INVALID_VERSION;
    }
    std::shared_ptr<Device> device;
    const NVENCSTATUS opened = Device::open(sim, *params, device);
    if (opened != NV_ENC_SUCCESS) return opened;
    if (sim.objects.sessions() >= static_cast<std::size_t>(std::max(0, sim.session_limit))) {
      return NV_ENC_ERR_OUT_OF_MEMORY;
    }
    auto session = std::make_shared<Session>();
    session->session = session.get();
    session->device = std::move(device);
    *encoder = sim.objects.insert(session);
    return NV_ENC_SUCCESS;
  };
  const auto told = sim.journal.enter(__func__);
  const NVENCSTATUS done = told ? static_cast<NVENCSTATUS>(*told) : open();
  sim.journal.leave(__func__, done);
  return done;
}

NVENCSTATUS nvEncInitializeEncoder(void* encoder, NV_ENC_INITIALIZE_PARAMS* params) {
  return call(__func__, encoder, {.device = true, .trouble = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                NVENCSTATUS status = check_version(sim, params, NV_ENC_INITIALIZE_PARAMS_VER,
                                                   "NV_ENC_INITIALIZE_PARAMS");
                if (status != NV_ENC_SUCCESS) return status;
                if (session->initialized)
                  return sim.broken(NV_ENC_ERR_INVALID_CALL, "initialized before");
                if (status = check_tuning(sim, *params); status != NV_ENC_SUCCESS) return status;
                NV_ENC_CONFIG config{};
                if (status = read_config(sim, *params, config); status != NV_ENC_SUCCESS)
                  return status;
                std::string why;
                const auto stream = stream_config(*params, config, why);
                if (!stream || !fits(sim, *params, *stream, why)) return NV_ENC_ERR_INVALID_PARAM;
                if (!session->encoding.open(*stream, sim.encode_nothing))
                  return NV_ENC_ERR_INVALID_PARAM;
                keep(*session, *params, config, *stream);
                if (session->params.maxEncodeWidth == 0) {
                  session->params.maxEncodeWidth = params->encodeWidth;
                }
                if (session->params.maxEncodeHeight == 0) {
                  session->params.maxEncodeHeight = params->encodeHeight;
                }
                session->initialized = true;
                if (params->enableEncodeAsync != 0) start_chip(sim, session);
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncReconfigureEncoder(void* encoder, NV_ENC_RECONFIGURE_PARAMS* params) {
  return call(__func__, encoder, {.initialized = true, .device = true},
              [&](Simulator& sim, Lock&, const auto& session) {
                NVENCSTATUS status = check_version(sim, params, NV_ENC_RECONFIGURE_PARAMS_VER,
                                                   "NV_ENC_RECONFIGURE_PARAMS");
                if (status != NV_ENC_SUCCESS) return status;
                NV_ENC_INITIALIZE_PARAMS wanted = params->reInitEncodeParams;
                status = check_version(sim, &wanted, NV_ENC_INITIALIZE_PARAMS_VER,
                                       "NV_ENC_INITIALIZE_PARAMS");
                if (status != NV_ENC_SUCCESS) return status;
                if (status = check_tuning(sim, wanted); status != NV_ENC_SUCCESS) return status;
                NV_ENC_CONFIG config = session->config;
                if (wanted.encodeConfig != nullptr) {
                  if (status = read_config(sim, wanted, config); status != NV_ENC_SUCCESS)
                    return status;
                }
                if (wanted.maxEncodeWidth == 0)
                  wanted.maxEncodeWidth = session->params.maxEncodeWidth;
                if (wanted.maxEncodeHeight == 0)
                  wanted.maxEncodeHeight = session->params.maxEncodeHeight;
                if (refuse_change(*session, wanted, config) != nullptr)
                  return NV_ENC_ERR_INVALID_PARAM;
                std::string why;
                const auto stream = stream_config(wanted, config, why);
                if (!stream || !fits(sim, wanted, *stream, why)) return NV_ENC_ERR_INVALID_PARAM;
                keep(*session, wanted, config, *stream);
                Command command;
                command.config = *stream;
                command.reset = params->resetEncoder != 0;
                command.force_idr = params->forceIDR != 0;
                session->commands.push_back(command);
                return NV_ENC_SUCCESS;
              });
}

NVENCSTATUS nvEncSetIOCudaStreams(void* encoder, NV_ENC_CUSTREAM_PTR input,
                                  NV_ENC_CUSTREAM_PTR output) {
  return call(__func__, encoder, {.device = true}, [&](Simulator& sim, Lock&, const auto& session) {
    return session->device->set_streams(sim, input, output);
  });
}

NVENCSTATUS nvEncDestroyEncoder(void* encoder) {
  return call(__func__, encoder, {.release = true},
              [&](Simulator& sim, Lock& lock, const auto& session) {
                std::string names;
                if (sim.objects.count(session.get(), &names) != 0) {
                  sim.violation("session destroyed with " + names + " alive");
                }
                if (session->stream_open && !session->troubled) {
                  sim.violation("session destroyed without an end of stream");
                }
                if (session->last_end != nullptr && !was_waited_for(*session->last_end) &&
                    !session->troubled) {
                  sim.violation("session destroyed before its end of stream was waited for");
                }
                stop_chip(sim, lock, *session);
                sim.forget(*session, encoder);
                return NV_ENC_SUCCESS;
              });
}

}  // namespace lumen::sim::nvenc
