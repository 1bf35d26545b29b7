#include "stream_config.h"

#include <algorithm>
#include <cstring>

namespace lumen::sim::nvenc {
namespace {

void read_colour(const NV_ENC_CONFIG_H264_VUI_PARAMETERS& vui, ColourDescription& colour) {
  const auto number = [](auto value) { return static_cast<unsigned>(value); };
  colour.signal_type_present = vui.videoSignalTypePresentFlag != 0;
  if (colour.signal_type_present) {
    colour.video_format = number(vui.videoFormat);
    colour.full_range = vui.videoFullRangeFlag != 0;
    colour.description_present = vui.colourDescriptionPresentFlag != 0;
  }
  if (colour.description_present) {
    colour.primaries = number(vui.colourPrimaries);
    colour.transfer = number(vui.transferCharacteristics);
    colour.matrix = number(vui.colourMatrix);
  }
  if (vui.chromaSampleLocationFlag != 0) colour.chroma_location = vui.chromaSampleLocationTop;
}

void read_rate_control(const NV_ENC_RC_PARAMS& rc, StreamConfig& out) {
  out.rate_control = rc.rateControlMode;
  out.bit_rate = rc.averageBitRate;
  out.max_bit_rate = rc.maxBitRate;
  out.vbv_size = rc.vbvBufferSize;
  out.vbv_initial = rc.vbvInitialDelay;
  out.qp_p = rc.constQP.qpInterP;
  out.qp_i = rc.constQP.qpIntra;
  out.target_quality = rc.targetQuality;
  if (rc.enableMinQP != 0) out.min_qp = std::min(rc.minQP.qpInterP, rc.minQP.qpIntra);
  if (rc.enableMaxQP != 0) out.max_qp = std::max(rc.maxQP.qpInterP, rc.maxQP.qpIntra);
  out.qp_delta_map = rc.qpMapMode == NV_ENC_QP_MAP_DELTA;
  out.emphasis_map = rc.qpMapMode == NV_ENC_QP_MAP_EMPHASIS;
}

/// Members that NV_ENC_CONFIG_H264 and _HEVC call by the same names.
template <typename Codec>
void read_common(const Codec& codec, StreamConfig& out) {
  out.level = codec.level;
  out.idr_period = codec.idrPeriod == 0 ? out.gop_length : codec.idrPeriod;
  out.intra_refresh = codec.enableIntraRefresh != 0;
  out.refresh_period = codec.intraRefreshPeriod;
  out.refresh_count = codec.intraRefreshCnt;
  out.repeat_headers = codec.repeatSPSPPS != 0;
  out.no_headers = codec.disableSPSPPS != 0;
  out.access_unit_delimiters = codec.outputAUD != 0;
  out.full_chroma = codec.chromaFormatIDC == 3;
  out.slice_mode = codec.sliceMode;
  out.slice_data = codec.sliceModeData;
  out.filler = codec.enableFillerDataInsertion != 0;
  out.ltr_frames = codec.enableLTR != 0 ? codec.ltrNumFrames : 0;
}

/// The header says it in another way since 12.2.
template <typename Hevc>
bool ten_bits(const Hevc& hevc) {
  if constexpr (requires { hevc.outputBitDepth; }) {
    return static_cast<int>(hevc.outputBitDepth) == 10;
  } else {
    return hevc.pixelBitDepthMinus8 == 2;
  }
}

/// Chroma format and depth of a stream are its profile's to allow.
bool profile_has(const StreamConfig& config) {
  const auto is = [&](const GUID& profile) { return same_guid(config.profile, profile); };
  if (is(NV_ENC_CODEC_PROFILE_AUTOSELECT_GUID)) return true;
  if (config.codec == CodecKind::kH264) {
    return !config.full_chroma || is(NV_ENC_H264_PROFILE_HIGH_444_GUID);
  }
  if (config.codec != CodecKind::kHevc || is(NV_ENC_HEVC_PROFILE_FREXT_GUID)) return true;
  return !config.full_chroma && (!config.ten_bit || is(NV_ENC_HEVC_PROFILE_MAIN10_GUID));
}

#if NVENCAPI_MAJOR_VERSION >= 12
void read_av1(const NV_ENC_CONFIG_AV1& av1, StreamConfig& out) {
  out.level = av1.level;
  out.tier = av1.tier;
  out.idr_period = av1.idrPeriod == 0 ? out.gop_length : av1.idrPeriod;
  out.intra_refresh = av1.enableIntraRefresh != 0;
  out.refresh_period = av1.intraRefreshPeriod;
  out.refresh_count = av1.intraRefreshCnt;
  out.repeat_headers = av1.repeatSeqHdr != 0;
  out.no_headers = av1.disableSeqHdr != 0;
  out.full_chroma = av1.chromaFormatIDC == 3;
  out.reference_frames = av1.maxNumRefFramesInDPB;
  out.ten_bit = ten_bits(av1);
  out.colour.primaries = static_cast<unsigned>(av1.colorPrimaries);
  out.colour.transfer = static_cast<unsigned>(av1.transferCharacteristics);
  out.colour.matrix = static_cast<unsigned>(av1.matrixCoefficients);
  out.colour.full_range = av1.colorRange != 0;
  out.colour.signal_type_present = true;
  out.colour.description_present =
      out.colour.primaries != 2 || out.colour.transfer != 2 || out.colour.matrix != 2;
}
#endif

/// "LTR Trust" mode, which NVIDIA discourages, is not implemented.
bool wrong_ltr(CodecKind kind, const NV_ENC_CODEC_CONFIG& codecs) {
  const auto wrong = [](const auto& codec) {
    return codec.enableLTR != 0 && (codec.ltrNumFrames == 0 || codec.ltrTrustMode != 0);
  };
  return kind == CodecKind::kH264 ? wrong(codecs.h264Config)
                                  : kind == CodecKind::kHevc && wrong(codecs.hevcConfig);
}

}  // namespace

bool same_guid(const GUID& a, const GUID& b) { return std::memcmp(&a, &b, sizeof(GUID)) == 0; }

std::optional<CodecKind> codec_of(const GUID& guid) {
  if (same_guid(guid, NV_ENC_CODEC_H264_GUID)) return CodecKind::kH264;
  if (same_guid(guid, NV_ENC_CODEC_HEVC_GUID)) return CodecKind::kHevc;
#if NVENCAPI_MAJOR_VERSION >= 12
  if (same_guid(guid, NV_ENC_CODEC_AV1_GUID)) return CodecKind::kAv1;
#endif
  return std::nullopt;
}

std::uint32_t StreamConfig::peak_bit_rate() const {
  const bool variable = rate_control == NV_ENC_PARAMS_RC_VBR;
  return variable && max_bit_rate != 0 ? std::max(max_bit_rate, bit_rate) : bit_rate;
}

std::uint32_t StreamConfig::vbv_bits() const { return vbv_size != 0 ? vbv_size : peak_bit_rate(); }

std::optional<StreamConfig> stream_config(const NV_ENC_INITIALIZE_PARAMS& params,
                                          const NV_ENC_CONFIG& config, std::string& why) {
  const auto refuse = [&](const char* text) {
    why = text;
    return std::nullopt;
  };
  StreamConfig out;
  const auto codec = codec_of(params.encodeGUID);
  if (!codec) return refuse("unknown codec GUID");
  out.codec = *codec;
  out.profile = config.profileGUID;
  out.width = static_cast<int>(params.encodeWidth);
  out.height = static_cast<int>(params.encodeHeight);
  if (params.frameRateNum == 0 || params.frameRateDen == 0) return refuse("no frame rate");
  out.rate_num = params.frameRateNum;
  out.rate_den = params.frameRateDen;
  if (config.frameIntervalP > 1) return refuse("B-frames are not implemented");
  out.gop_length = config.frameIntervalP == 0 ? 1 : config.gopLength;
  if (out.gop_length == 0) return refuse("gopLength is 0");
  read_rate_control(config.rcParams, out);
  const auto& codecs = config.encodeCodecConfig;
  if (out.codec == CodecKind::kH264) {
    const NV_ENC_CONFIG_H264& h264 = codecs.h264Config;
    read_common(h264, out);
    read_colour(h264.h264VUIParameters, out.colour);
    out.reference_frames = h264.maxNumRefFrames;
    out.cabac = h264.entropyCodingMode != NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC;
    out.transform_8x8 = h264.adaptiveTransformMode != NV_ENC_H264_ADAPTIVE_TRANSFORM_DISABLE;
  } else if (out.codec == CodecKind::kHevc) {
    const NV_ENC_CONFIG_HEVC& hevc = codecs.hevcConfig;
    read_common(hevc, out);
    read_colour(hevc.hevcVUIParameters, out.colour);
    out.reference_frames = hevc.maxNumRefFramesInDPB;
    out.tier = hevc.tier;
    out.ten_bit = ten_bits(hevc);
  }
#if NVENCAPI_MAJOR_VERSION >= 12
  if (out.codec == CodecKind::kAv1) {
    const NV_ENC_CONFIG_AV1& av1 = codecs.av1Config;
    if (av1.outputAnnexBFormat != 0 || av1.enableCustomTileConfig != 0) {
      return refuse("AV1 in Annex B or with a table of tiles is not implemented");
    }
    read_av1(av1, out);
  }
#endif
  if (!profile_has(out)) return refuse("the profile has no such chroma format or depth");
  if (out.intra_refresh && out.refresh_period != 0 && out.refresh_count >= out.refresh_period) {
    return refuse("intraRefreshCnt is not smaller than intraRefreshPeriod");
  }
  // "Will be disabled if NV_ENC_CONFIG::gopLength is not set to NVENC_INFINITE_GOPLENGTH."
  if (out.gop_length != NVENC_INFINITE_GOPLENGTH) out.refresh_period = 0;
  if (out.slice_mode > 3) return refuse("sliceMode above 3");
  if (wrong_ltr(out.codec, codecs))
    return refuse("LTR without a number of frames, or to be trusted");
  // "This feature is only supported for H264 codec currently", and not with AQ.
  const NV_ENC_RC_PARAMS& rc = config.rcParams;
  if (out.emphasis_map &&
      (out.codec != CodecKind::kH264 || rc.enableAQ != 0 || rc.enableTemporalAQ != 0)) {
    return refuse("an emphasis map is for H.264 without AQ");
  }
  if (rc.qpMapMode > NV_ENC_QP_MAP_DELTA) return refuse("no such map of quantizers");
  if (out.rate_control != NV_ENC_PARAMS_RC_CONSTQP && out.bit_rate == 0 &&
      out.target_quality == 0) {
    out.target_quality = 23;
  }
  return out;
}

}  // namespace lumen::sim::nvenc
