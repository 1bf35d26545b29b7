#include "gpus.h"

#include "codec.h"
#include "os_event.h"

#include <algorithm>
#include <array>

namespace lumen::sim::nvenc {
namespace {

// libx265 can't invalidate references, so HEVC says no although the chips can.
constexpr CodecAbilities kH264{.present = true,
                               .yuv444 = true,
                               .lossless = true,
                               .b_frames = 4,
                               .ltr_frames = 8,
                               .invalidation = true};
constexpr CodecAbilities kH264TemporalAq = [] {
  CodecAbilities abilities = kH264;
  abilities.temporal_aq = true;
  abilities.emphasis = true;
  return abilities;
}();
constexpr CodecAbilities kHevcMaxwell{.present = kHasHevc, .ltr_frames = 7};
constexpr CodecAbilities kHevcPascal{.present = kHasHevc,
                                     .width_max = 8192,
                                     .height_max = 8192,
                                     .ten_bit = true,
                                     .yuv444 = true,
                                     .lossless = true,
                                     .temporal_aq = true,
                                     .ltr_frames = 7};
constexpr CodecAbilities kHevcTuring = [] {
  CodecAbilities abilities = kHevcPascal;
  abilities.b_frames = 5;
  return abilities;
}();
constexpr CodecAbilities kAv1{.present = kHasAv1,
                              .width_max = 8192,
                              .height_max = 8192,
                              .ten_bit = true,
                              .b_frames = 7,
                              .temporal_aq = true,
                              .ltr_frames = 0};
constexpr CodecAbilities kNone{};

constexpr std::array<Gpu, 6> kGpus{{
    {"maxwell", 1, 8, kH264, kHevcMaxwell, kNone},
    {"pascal", 1, 8, kH264TemporalAq, kHevcPascal, kNone},
    {"turing", 1, 8, kH264TemporalAq, kHevcTuring, kNone},
    {"ampere", 1, 8, kH264TemporalAq, kHevcTuring, kNone},
    {"ada", 2, 8, kH264TemporalAq, kHevcTuring, kAv1},
    {"blackwell", 2, 8, kH264TemporalAq, kHevcTuring, kAv1},
}};

int largest_level(CodecKind codec) {
#if NVENCAPI_MAJOR_VERSION >= 12
  if (codec == CodecKind::kAv1) return NV_ENC_LEVEL_AV1_63;
#endif
  return codec == CodecKind::kH264 ? NV_ENC_LEVEL_H264_62 : NV_ENC_LEVEL_HEVC_62;
}

}  // namespace

const CodecAbilities& Gpu::abilities(CodecKind codec) const {
  if (codec == CodecKind::kH264) return h264;
  return codec == CodecKind::kHevc ? hevc : av1;
}

const Gpu* find_gpu(std::string_view name) {
  const auto* const found = std::ranges::find(kGpus, name, &Gpu::name);
  return found == kGpus.end() ? nullptr : &*found;
}

bool capability(const Gpu& gpu, CodecKind codec, NV_ENC_CAPS which, int& value) {
  const CodecAbilities& can = gpu.abilities(codec);
  const bool h264 = codec == CodecKind::kH264;
  const bool av1 = codec == CodecKind::kAv1;
  switch (which) {
    case NV_ENC_CAPS_NUM_MAX_BFRAMES: value = can.b_frames; return true;
    case NV_ENC_CAPS_SUPPORTED_RATECONTROL_MODES:
      value = NV_ENC_PARAMS_RC_VBR | NV_ENC_PARAMS_RC_CBR;  // CONSTQP is 0
      return true;
    case NV_ENC_CAPS_SUPPORT_QPELMV:
    case NV_ENC_CAPS_SUPPORT_DYN_RES_CHANGE:
    case NV_ENC_CAPS_SUPPORT_DYN_BITRATE_CHANGE:
    case NV_ENC_CAPS_SUPPORT_CUSTOM_VBV_BUF_SIZE:
    case NV_ENC_CAPS_LEVEL_MIN:
    case NV_ENC_CAPS_SUPPORT_MULTIPLE_REF_FRAMES: value = 1; return true;
    case NV_ENC_CAPS_SUPPORT_SUBFRAME_READBACK:
    case NV_ENC_CAPS_SUPPORT_DYNAMIC_SLICE_MODE: value = av1 ? 0 : 1; return true;
    // The chips can with AV1, too; SVT-AV1 can't.
    case NV_ENC_CAPS_SUPPORT_INTRA_REFRESH: value = av1 ? 0 : 1; return true;
    case NV_ENC_CAPS_SUPPORT_CABAC:
    case NV_ENC_CAPS_SUPPORT_ADAPTIVE_TRANSFORM: value = h264 ? 1 : 0; return true;
    case NV_ENC_CAPS_LEVEL_MAX: value = largest_level(codec); return true;
    case NV_ENC_CAPS_WIDTH_MAX: value = can.width_max; return true;
    case NV_ENC_CAPS_HEIGHT_MAX: value = can.height_max; return true;
    case NV_ENC_CAPS_WIDTH_MIN: value = h264 ? 145 : 129; return true;
    case NV_ENC_CAPS_HEIGHT_MIN: value = h264 ? 49 : 33; return true;
    case NV_ENC_CAPS_SUPPORT_REF_PIC_INVALIDATION: value = can.invalidation ? 1 : 0; return true;
    case NV_ENC_CAPS_MB_NUM_MAX: value = can.width_max / 16 * (can.height_max / 16); return true;
    case NV_ENC_CAPS_MB_PER_SEC_MAX: value = 983040; return true;
    case NV_ENC_CAPS_SUPPORT_YUV444_ENCODE: value = can.yuv444 ? 1 : 0; return true;
    case NV_ENC_CAPS_SUPPORT_LOSSLESS_ENCODE: value = can.lossless ? 1 : 0; return true;
    case NV_ENC_CAPS_SUPPORT_SAO: value = h264 ? 0 : 1; return true;
    case NV_ENC_CAPS_SUPPORT_LOOKAHEAD: value = can.lookahead ? 1 : 0; return true;
    case NV_ENC_CAPS_SUPPORT_TEMPORAL_AQ: value = can.temporal_aq ? 1 : 0; return true;
    case NV_ENC_CAPS_SUPPORT_10BIT_ENCODE: value = can.ten_bit ? 1 : 0; return true;
    case NV_ENC_CAPS_NUM_MAX_LTR_FRAMES: value = can.ltr_frames; return true;
    case NV_ENC_CAPS_SUPPORT_EMPHASIS_LEVEL_MAP: value = can.emphasis ? 1 : 0; return true;
    case NV_ENC_CAPS_SUPPORT_WEIGHTED_PREDICTION: value = 1; return true;
    case NV_ENC_CAPS_DYNAMIC_QUERY_ENCODER_CAPACITY:
      value = 100;  // "On bare metal and linux platforms, this API always returns 100"
      return true;
    case NV_ENC_CAPS_SUPPORT_BFRAME_REF_MODE: value = can.b_frames == 0 ? 0 : 2; return true;
    case NV_ENC_CAPS_NUM_ENCODER_ENGINES: value = gpu.encoders; return true;
    case NV_ENC_CAPS_ASYNC_ENCODE_SUPPORT: value = kHasEvents ? 1 : 0; return true;
    default: value = 0; return which >= 0 && which < NV_ENC_CAPS_EXPOSED_COUNT;
  }
}

}  // namespace lumen::sim::nvenc
