#include "presets.h"

#include <algorithm>
#include <array>

namespace lumen::sim::nvenc {
namespace {

const std::array<GUID, 7> kPresets{
    NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID, NV_ENC_PRESET_P4_GUID,
    NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID, NV_ENC_PRESET_P7_GUID};
const std::array<GUID, 6> kH264Profiles{
    NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID, NV_ENC_H264_PROFILE_BASELINE_GUID,
    NV_ENC_H264_PROFILE_MAIN_GUID,        NV_ENC_H264_PROFILE_HIGH_GUID,
    NV_ENC_H264_PROFILE_HIGH_444_GUID,    NV_ENC_H264_PROFILE_CONSTRAINED_HIGH_GUID};
const std::array<GUID, 4> kHevcProfiles{
    NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID, NV_ENC_HEVC_PROFILE_MAIN_GUID,
    NV_ENC_HEVC_PROFILE_MAIN10_GUID, NV_ENC_HEVC_PROFILE_FREXT_GUID};
#if NVENCAPI_MAJOR_VERSION >= 12
const std::array<GUID, 2> kAv1Profiles{NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID,
                                       NV_ENC_AV1_PROFILE_MAIN_GUID};
#else
const std::array<GUID, 1> kAv1Profiles{NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID};
#endif
constexpr std::array<NV_ENC_BUFFER_FORMAT, 8> kFormats{
    NV_ENC_BUFFER_FORMAT_NV12,         NV_ENC_BUFFER_FORMAT_YV12,
    NV_ENC_BUFFER_FORMAT_IYUV,         NV_ENC_BUFFER_FORMAT_YUV444,
    NV_ENC_BUFFER_FORMAT_YUV420_10BIT, NV_ENC_BUFFER_FORMAT_YUV444_10BIT,
    NV_ENC_BUFFER_FORMAT_ARGB,         NV_ENC_BUFFER_FORMAT_ABGR};

bool contains(std::span<const GUID> list, const GUID& guid) {
  return std::ranges::any_of(list, [&](const GUID& one) { return same_guid(one, guid); });
}

}  // namespace

std::span<const GUID> preset_guids() { return kPresets; }
std::span<const NV_ENC_BUFFER_FORMAT> input_formats() { return kFormats; }

std::span<const GUID> profile_guids(CodecKind codec) {
  if (codec == CodecKind::kH264) return kH264Profiles;
  if (codec == CodecKind::kHevc) return kHevcProfiles;
  return kAv1Profiles;
}

bool is_preset(const GUID& guid) { return contains(kPresets, guid); }

bool is_profile(CodecKind codec, const GUID& guid) { return contains(profile_guids(codec), guid); }

NV_ENC_CONFIG preset_config(CodecKind codec, NV_ENC_TUNING_INFO tuning) {
  const bool low_latency =
      tuning == NV_ENC_TUNING_INFO_LOW_LATENCY || tuning == NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
  NV_ENC_CONFIG config{};
  config.version = NV_ENC_CONFIG_VER;
  config.profileGUID = NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID;
  config.gopLength = low_latency ? NVENC_INFINITE_GOPLENGTH : 250;
  config.frameIntervalP = 1;
  config.frameFieldMode = NV_ENC_PARAMS_FRAME_FIELD_MODE_FRAME;
  config.mvPrecision = NV_ENC_MV_PRECISION_QUARTER_PEL;
  NV_ENC_RC_PARAMS& rc = config.rcParams;
  rc.version = NV_ENC_RC_PARAMS_VER;
  rc.rateControlMode = low_latency ? NV_ENC_PARAMS_RC_CBR : NV_ENC_PARAMS_RC_VBR;
  rc.constQP = {28, 31, 25};
  rc.averageBitRate = 5'000'000;
  rc.maxBitRate = 10'000'000;
  rc.zeroReorderDelay = low_latency ? 1 : 0;
  if (tuning == NV_ENC_TUNING_INFO_LOSSLESS) {
    rc.rateControlMode = NV_ENC_PARAMS_RC_CONSTQP;
    rc.constQP = {0, 0, 0};
  }
  if (codec == CodecKind::kH264) {
    NV_ENC_CONFIG_H264& h264 = config.encodeCodecConfig.h264Config;
    h264.idrPeriod = config.gopLength;
    h264.chromaFormatIDC = 1;
    h264.level = NV_ENC_LEVEL_AUTOSELECT;
    h264.entropyCodingMode = NV_ENC_H264_ENTROPY_CODING_MODE_CABAC;
    h264.adaptiveTransformMode = NV_ENC_H264_ADAPTIVE_TRANSFORM_ENABLE;
    h264.sliceMode = 3;
    h264.sliceModeData = 1;
  } else if (codec == CodecKind::kHevc) {
    NV_ENC_CONFIG_HEVC& hevc = config.encodeCodecConfig.hevcConfig;
    hevc.idrPeriod = config.gopLength;
    hevc.chromaFormatIDC = 1;
    hevc.level = NV_ENC_LEVEL_AUTOSELECT;
    hevc.maxCUSize = NV_ENC_HEVC_CUSIZE_32x32;
    hevc.minCUSize = NV_ENC_HEVC_CUSIZE_8x8;
    hevc.sliceMode = 3;
    hevc.sliceModeData = 1;
  }
#if NVENCAPI_MAJOR_VERSION >= 12
  if (codec == CodecKind::kAv1) {
    NV_ENC_CONFIG_AV1& av1 = config.encodeCodecConfig.av1Config;
    av1.idrPeriod = config.gopLength;
    av1.chromaFormatIDC = 1;
    av1.level = NV_ENC_LEVEL_AV1_AUTOSELECT;
    av1.colorPrimaries = NV_ENC_VUI_COLOR_PRIMARIES_UNSPECIFIED;
    av1.transferCharacteristics = NV_ENC_VUI_TRANSFER_CHARACTERISTIC_UNSPECIFIED;
    av1.matrixCoefficients = NV_ENC_VUI_MATRIX_COEFFS_UNSPECIFIED;
  }
#endif
  return config;
}

}  // namespace lumen::sim::nvenc
