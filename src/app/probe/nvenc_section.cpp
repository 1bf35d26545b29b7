#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <ffnvcodec/nvEncodeAPI.h>
#include <fmt/format.h>

#include "app/probe/sections.h"
#include "platform/dynamic_library.h"
#include "zerocopy/cuda/gpu.h"

namespace lumen::probe {
namespace {

// nvEncodeAPI.h of SDK 12.0 and later, NV_ENC_CODEC_AV1_GUID.
constexpr GUID kAv1 = {
    0x0a352289, 0x0aa7, 0x4759, {0x86, 0x2d, 0x5d, 0x15, 0xcd, 0x16, 0xd2, 0x54}};

struct Cap {
  const char* name;
  NV_ENC_CAPS id;
};
constexpr std::array kCaps = {
    Cap{"width_max", NV_ENC_CAPS_WIDTH_MAX},
    Cap{"height_max", NV_ENC_CAPS_HEIGHT_MAX},
    Cap{"ten_bit", NV_ENC_CAPS_SUPPORT_10BIT_ENCODE},
    Cap{"yuv444", NV_ENC_CAPS_SUPPORT_YUV444_ENCODE},
    Cap{"lossless", NV_ENC_CAPS_SUPPORT_LOSSLESS_ENCODE},
    Cap{"reference_invalidation", NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION},
    Cap{"long_term_references", NV_ENC_CAPS_NUM_MAX_LTR_FRAMES},
    Cap{"intra_refresh", NV_ENC_CAPS_SUPPORT_INTRA_REFRESH},
    Cap{"dynamic_bitrate", NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE},
    Cap{"dynamic_size", NV_ENC_CAPS_SUPPORT_DYN_RES_CHANGE},
    Cap{"subframe_readback", NV_ENC_CAPS_SUPPORT_SUBFRAME_READBACK},
    Cap{"b_frames", NV_ENC_CAPS_NUM_MAX_BFRAMES},
    Cap{"engines", NV_ENC_CAPS_NUM_ENCODER_ENGINES},
    Cap{"async", NV_ENC_CAPS_ASYNC_ENCODE_SUPPORT},
};

std::string codec_name(const GUID& guid) {
  const auto is = [&guid](const GUID& other) {
    return std::memcmp(&guid, &other, sizeof(GUID)) == 0;
  };
  if (is(NV_ENC_CODEC_H264_GUID)) return "H.264";
  if (is(NV_ENC_CODEC_HEVC_GUID)) return "HEVC";
  if (is(kAv1)) return "AV1";
  return fmt::format("codec {:08x}", guid.Data1);
}

Json refused(NVENCSTATUS status, const char* call) {
  if (status == NV_ENC_ERR_UNSUPPORTED_DEVICE || status == NV_ENC_ERR_NO_ENCODE_DEVICE) {
    return {{"ok", false},
            {"reason", "this GPU has no encoder (NVENC)"},
            {"absent", true},
            {"code", static_cast<int>(status)}};
  }
  Json answer = {{"ok", false},
                 {"reason", fmt::format("{}: NVENC status {}", call, static_cast<int>(status))},
                 {"code", static_cast<int>(status)}};
  if (status == NV_ENC_ERR_INVALID_VERSION) answer["hint"] = "install driver 470 or newer";
  if (status == NV_ENC_ERR_OUT_OF_MEMORY) {
    answer["hint"] = "other programs may hold all of the GPU's encoder sessions";
  }
  return answer;
}

struct SessionEnd {
  const NV_ENCODE_API_FUNCTION_LIST* api;
  void operator()(void* session) const { api->nvEncDestroyEncoder(session); }
};

Json caps_of(const NV_ENCODE_API_FUNCTION_LIST& api, void* session, const GUID& codec) {
  Json caps = Json::object();
  for (const Cap& cap : kCaps) {
    NV_ENC_CAPS_PARAM parameter{};
    parameter.version = NV_ENC_CAPS_PARAM_VER;
    parameter.capsToQuery = cap.id;
    int value = 0;
    if (api.nvEncGetEncodeCaps(session, codec, &parameter, &value) == NV_ENC_SUCCESS) {
      caps[cap.name] = value;
    }
  }
  return caps;
}

Json ask_session(const NV_ENCODE_API_FUNCTION_LIST& api, const cuda::Context& context) {
  NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS parameters{};
  parameters.version = NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS_VER;
  parameters.deviceType = NV_ENC_DEVICE_TYPE_CUDA;
  parameters.device = context.handle();
  parameters.apiVersion = NVENCAPI_VERSION;
  void* opened = nullptr;
  const NVENCSTATUS status = api.nvEncOpenEncodeSessionEx(&parameters, &opened);
  // A session that failed to open must be destroyed, too, where there is one (nvEncodeAPI.h).
  const std::unique_ptr<void, SessionEnd> session(opened, SessionEnd{&api});
  if (status != NV_ENC_SUCCESS) return refused(status, "nvEncOpenEncodeSessionEx");

  std::uint32_t count = 0;
  if (const auto got = api.nvEncGetEncodeGUIDCount(opened, &count); got != NV_ENC_SUCCESS) {
    return refused(got, "nvEncGetEncodeGUIDCount");
  }
  std::vector<GUID> codecs(count);
  if (const auto got = api.nvEncGetEncodeGUIDs(opened, codecs.data(), count, &count);
      got != NV_ENC_SUCCESS) {
    return refused(got, "nvEncGetEncodeGUIDs");
  }
  codecs.resize(std::min<std::size_t>(count, codecs.size()));
  Json answer = {{"ok", true}, {"codecs", Json::array()}};
  for (const GUID& codec : codecs) {
    answer["codecs"].push_back(
        {{"name", codec_name(codec)}, {"caps", caps_of(api, opened, codec)}});
  }
  return answer;
}

}  // namespace

Json ask_nvenc() {
  auto library = load_library("libnvidia-encode.so.1");
  if (!library) {
    const std::string& why = library.error().message;
    const bool absent = why.find("No such file") != std::string::npos;
    return {{"ok", false},
            {"reason", absent ? "libnvidia-encode.so.1 is not installed"
                              : "NVENC's library can't be loaded: " + why},
            {"hint", "install the encoder library of the NVIDIA driver (libnvidia-encode1)"}};
  }
  const auto get_version = reinterpret_cast<NVENCSTATUS(NVENCAPI*)(std::uint32_t*)>(
      find_symbol(*library, "NvEncodeAPIGetMaxSupportedVersion"));
  const auto create = reinterpret_cast<NVENCSTATUS(NVENCAPI*)(NV_ENCODE_API_FUNCTION_LIST*)>(
      find_symbol(*library, "NvEncodeAPICreateInstance"));
  if (get_version == nullptr || create == nullptr) {
    return {{"ok", false}, {"reason", "libnvidia-encode.so.1 lacks its entry points"}};
  }
  std::uint32_t version = 0;
  if (const auto got = get_version(&version); got != NV_ENC_SUCCESS) {
    return refused(got, "NvEncodeAPIGetMaxSupportedVersion");
  }
  // Major in bits 31:4, minor in 3:0 (nvEncodeAPI.h).
  const std::string api_text = fmt::format("{}.{}", version >> 4, version & 0xf);
  const auto with_api = [&api_text](Json answer) {
    answer["api"] = api_text;
    return answer;
  };
  NV_ENCODE_API_FUNCTION_LIST api{};
  api.version = NV_ENCODE_API_FUNCTION_LIST_VER;
  if (const auto got = create(&api); got != NV_ENC_SUCCESS) {
    return with_api(refused(got, "NvEncodeAPICreateInstance"));
  }
  cuda::Gpu gpu;
  auto context = gpu.context();
  if (!context) return with_api(failed(context.error()));
  auto current = (*context)->make_current();
  if (!current) return with_api(failed(current.error()));
  return with_api(ask_session(api, **context));
}

}  // namespace lumen::probe
