#include "encode/nvenc/configuration.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "encode/av1_quantizer.h"
#include "encode/level.h"
#include "encode/nvenc/long_term_references.h"
#include "encode/reference_history.h"
#include "encode/sampling.h"

namespace lumen::nvenc {
namespace {

// A wave of intra blocks comes when it is asked for; NVENC wants a period all the same. At 60 fps
// this one is reached after days.
constexpr std::uint32_t kNoPeriod = 1U << 24;

Result<GUID> profile_guid(const EncoderSettings& settings) {
  const bool full_chroma = settings.chroma == Chroma::k444;
  switch (settings.codec) {
    case Codec::kHevc:
      if (full_chroma) return NV_ENC_HEVC_PROFILE_FREXT_GUID;
      return settings.bit_depth == 10 ? NV_ENC_HEVC_PROFILE_MAIN10_GUID
                                      : NV_ENC_HEVC_PROFILE_MAIN_GUID;
    case Codec::kAv1:
#if NVENCAPI_MAJOR_VERSION >= 12
      return NV_ENC_AV1_PROFILE_MAIN_GUID;
#else
      return fail(ErrorKind::kUnsupported, "AV1 needs a newer encoder API");
#endif
    case Codec::kH264: break;
  }
  if (full_chroma) return NV_ENC_H264_PROFILE_HIGH_444_GUID;
  switch (settings.profile) {
    case Profile::kBaseline: return NV_ENC_H264_PROFILE_BASELINE_GUID;
    case Profile::kMain: return NV_ENC_H264_PROFILE_MAIN_GUID;
    case Profile::kAuto:
    case Profile::kHigh: break;
  }
  return NV_ENC_H264_PROFILE_HIGH_GUID;
}

Result<std::uint32_t> level_number(const EncoderSettings& settings) {
  if (settings.level.empty()) return NV_ENC_LEVEL_AUTOSELECT;
  return level_idc(settings.codec, settings.level);  // what NV_ENC_LEVEL counts in
}

// H.273 numbers, as in the VUI. The fields are enumerations in newer headers.
template <typename Vui>
void set_color(Vui& vui, const ColorDescription& color) {
  vui.videoSignalTypePresentFlag = 1;
  vui.videoFormat = static_cast<decltype(vui.videoFormat)>(5);  // unspecified
  vui.videoFullRangeFlag = color.range == ColorRange::kFull ? 1 : 0;
  vui.colourDescriptionPresentFlag = 1;
  vui.colourPrimaries = static_cast<decltype(vui.colourPrimaries)>(color.primaries);
  vui.transferCharacteristics = static_cast<decltype(vui.transferCharacteristics)>(color.transfer);
  vui.colourMatrix = static_cast<decltype(vui.colourMatrix)>(color.matrix);
  // Says that nothing is reordered, so that a decoder need not wait for more pictures.
  vui.bitstreamRestrictionFlag = 1;
}

// The header says it in another way since 12.2, and of H.264 only since then.
template <typename CodecConfig>
void set_bit_depth(CodecConfig& config, unsigned bits) {
  if constexpr (requires { config.outputBitDepth; }) {
    config.outputBitDepth = static_cast<decltype(config.outputBitDepth)>(bits);
    config.inputBitDepth = static_cast<decltype(config.inputBitDepth)>(bits);
  } else if constexpr (requires { config.pixelBitDepthMinus8; }) {
    config.pixelBitDepthMinus8 = (bits - 8) & 7U;
    if constexpr (requires { config.inputPixelBitDepthMinus8; }) {
      config.inputPixelBitDepthMinus8 = (bits - 8) & 7U;
    }
  }
}

bool one_slice(const EncoderSettings& settings) {
  return settings.slices <= 1 && settings.slice_rows == 0;
}

// NVENC's coding tree units are 32 pixels wide (NV_ENC_HEVC_CUSIZE), macroblocks 16.
unsigned block_rows(const EncoderSettings& settings) {
  const unsigned block = settings.codec == Codec::kH264 ? 16 : 32;
  return std::max(1U, (settings.size.height + block - 1) / block);
}

template <typename CodecConfig>
void set_slices(CodecConfig& config, const EncoderSettings& settings, Configuration& chosen) {
  const unsigned rows = block_rows(settings);
  const unsigned wanted = std::clamp(settings.slices, 1U, rows);
  unsigned per_slice = std::min(settings.slice_rows, rows);
  // Handed out one by one, their number must be known: the driver's own division may make fewer.
  if (per_slice == 0 && chosen.sub_frame) per_slice = (rows + wanted - 1) / wanted;
  config.sliceMode = per_slice > 0 ? 2 : 3;  // so many rows per slice : so many slices
  config.sliceModeData = per_slice > 0 ? per_slice : wanted;
  chosen.slices = chosen.sub_frame ? (rows + per_slice - 1) / per_slice : 1;
}

// A picture is invalidated by its time, or, where the chip can't, by coding the next one from a
// long-term reference that is older.
void choose_recovery(Configuration& chosen, const EncoderSettings& settings,
                     const Capabilities& caps) {
  const Recovery wish = settings.recovery;
  const bool wanted = wish == Recovery::kAuto || wish == Recovery::kInvalidation;
  unsigned references = reference_limit(settings.size);
  // A level that the user names may allow fewer; four are always possible at its largest size.
  if (!settings.level.empty()) references = std::min(references, 4U);
  if (wanted && !caps.invalidation && settings.codec != Codec::kAv1) {
    chosen.long_term = std::min({4U, caps.long_term_references, references - 1});
    if (LongTermReferences::reach(chosen.long_term) == 0) chosen.long_term = 0;
  }
  chosen.invalidation = wanted && (caps.invalidation || chosen.long_term > 0);
  chosen.intra_refresh = caps.intra_refresh && !chosen.invalidation && wish != Recovery::kKeyFrame;
  chosen.references = chosen.long_term > 0  ? chosen.long_term + 1
                      : chosen.invalidation ? references
                                            : 1;
}

// One value per macroblock or coding tree block (nvEncodeAPI.h, qpDeltaMap).
void choose_qp_maps(Configuration& chosen, const EncoderSettings& settings,
                    const Capabilities& caps) {
  if (settings.qp_map == QpMapKind::kNone) return;
  const bool emphasis = settings.qp_map == QpMapKind::kEmphasis;
  if (emphasis && (settings.codec != Codec::kH264 || !caps.emphasis_map)) return;
  NV_ENC_RC_PARAMS& rc = chosen.config.rcParams;
  rc.qpMapMode = emphasis ? NV_ENC_QP_MAP_EMPHASIS : NV_ENC_QP_MAP_DELTA;
  // "This feature is not supported when AQ (Spatial/Temporal) is enabled."
  if (emphasis) rc.enableAQ = rc.enableTemporalAQ = 0;
  chosen.qp_block = settings.codec == Codec::kH264 ? 16 : settings.codec == Codec::kHevc ? 32 : 64;
}

// What H.264 and HEVC call by the same names.
template <typename CodecConfig>
void set_common(CodecConfig& config, const EncoderSettings& settings, const Capabilities& caps,
                const Configuration& chosen) {
  config.idrPeriod = NVENC_INFINITE_GOPLENGTH;
  config.repeatSPSPPS = 0;
  config.disableSPSPPS = 1;  // they travel apart, in StreamParameters
  config.outputAUD = 0;
  config.chromaFormatIDC = settings.chroma == Chroma::k444 ? 3 : 1;
  set_bit_depth(config, settings.bit_depth);
  config.enableIntraRefresh = chosen.intra_refresh ? 1 : 0;
  config.intraRefreshPeriod = chosen.intra_refresh ? kNoPeriod : 0;
  config.intraRefreshCnt = chosen.intra_refresh ? settings.refresh_frames : 0;
  config.singleSliceIntraRefresh =
      chosen.intra_refresh && caps.single_slice_refresh && one_slice(settings) ? 1 : 0;
  config.enableLTR = chosen.long_term > 0 ? 1 : 0;
  config.ltrNumFrames = chosen.long_term;
  config.ltrTrustMode = 0;
  // Old pictures are kept for repairs only: searching them all would cost time.
  if (caps.multiple_references) config.numRefL0 = NV_ENC_NUM_REF_FRAMES_1;
}

#if NVENCAPI_MAJOR_VERSION >= 12
void set_av1(NV_ENC_CONFIG_AV1& av1, const EncoderSettings& settings, const Configuration& chosen) {
  av1.idrPeriod = NVENC_INFINITE_GOPLENGTH;
  av1.repeatSeqHdr = 1;
  av1.disableSeqHdr = 0;
  av1.chromaFormatIDC = 1;
  set_bit_depth(av1, settings.bit_depth);
  av1.enableIntraRefresh = chosen.intra_refresh ? 1 : 0;
  av1.intraRefreshPeriod = chosen.intra_refresh ? kNoPeriod : 0;
  av1.intraRefreshCnt = chosen.intra_refresh ? settings.refresh_frames : 0;
  av1.maxNumRefFramesInDPB = chosen.references;
  av1.colorPrimaries = static_cast<decltype(av1.colorPrimaries)>(settings.color.primaries);
  av1.transferCharacteristics =
      static_cast<decltype(av1.transferCharacteristics)>(settings.color.transfer);
  av1.matrixCoefficients = static_cast<decltype(av1.matrixCoefficients)>(settings.color.matrix);
  av1.colorRange = settings.color.range == ColorRange::kFull ? 1 : 0;
}
#endif

Result<void> check_size(const EncoderSettings& settings, const Capabilities& caps) {
  const Extent size = settings.size;
  if (size.empty() || size.width % 2 != 0 || size.height % 2 != 0) {
    return fail(
        ErrorKind::kInvalidArgument,
        fmt::format("{}x{} can't be encoded: both sides must be even", size.width, size.height));
  }
  if (size.width > caps.largest.width || size.height > caps.largest.height ||
      size.width < caps.smallest.width || size.height < caps.smallest.height) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("{}x{}: this GPU encodes {} from {}x{} to {}x{}", size.width,
                            size.height, to_string(settings.codec), caps.smallest.width,
                            caps.smallest.height, caps.largest.width, caps.largest.height),
                settings.codec == Codec::kH264 ? "HEVC goes further" : "");
  }
  return {};
}

Result<void> check_sampling_of(const EncoderSettings& settings, const Capabilities& caps) {
  if (auto possible = check_nvenc_sampling(settings); !possible) return possible;
  const bool full_chroma = settings.chroma == Chroma::k444;
  const bool ten_bit = settings.bit_depth == 10;
  if ((full_chroma && !caps.yuv444) || (ten_bit && !caps.ten_bit)) {
    return fail(
        ErrorKind::kUnsupported,
        fmt::format("this GPU does not encode {} in {}",
                    full_chroma && !caps.yuv444 ? "4:4:4" : "10 bits", to_string(settings.codec)),
        "4:2:0 of 8 bits always works; --encoder software has the others");
  }
  return {};
}

}  // namespace

Result<Preset> choose_preset(const EncoderSettings& settings) {
  static const std::array kPresets{
      NV_ENC_PRESET_P1_GUID, NV_ENC_PRESET_P2_GUID, NV_ENC_PRESET_P3_GUID, NV_ENC_PRESET_P4_GUID,
      NV_ENC_PRESET_P5_GUID, NV_ENC_PRESET_P6_GUID, NV_ENC_PRESET_P7_GUID};
  Preset preset;
  preset.tuning =
      settings.constant_qp ? NV_ENC_TUNING_INFO_HIGH_QUALITY : NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
  std::string_view name = settings.preset;
  if (name.empty()) name = settings.constant_qp ? "p5" : "p3";
  if (name.size() != 2 || name[0] != 'p' || name[1] < '1' || name[1] > '7') {
    return fail(ErrorKind::kUnsupported, fmt::format("NVENC has no preset '{}'", name),
                "p1 (fastest) to p7");
  }
  preset.guid = kPresets[static_cast<std::size_t>(name[1] - '1')];
  return preset;
}

NV_ENC_INITIALIZE_PARAMS Configuration::initialize_params() {
  NV_ENC_INITIALIZE_PARAMS params = init;
  params.encodeConfig = &config;
  return params;
}

void set_rate(Configuration& configuration, const EncoderSettings& settings,
              const Capabilities& caps) {
  configuration.init.frameRateNum = settings.rate.num;
  configuration.init.frameRateDen = settings.rate.den;
  NV_ENC_RC_PARAMS& rc = configuration.config.rcParams;
  if (settings.constant_qp) {
    rc.rateControlMode = NV_ENC_PARAMS_RC_CONSTQP;
    // AV1's go from 0 to 255 (NV_ENC_RC_PARAMS::constQP).
    const auto on_its_scale = [&](unsigned qp) {
      return settings.codec == Codec::kAv1 ? av1_quantizer_index(qp) : qp;
    };
    const unsigned qp = on_its_scale(*settings.constant_qp);
    // Key frames are what all others build on.
    const unsigned intra =
        on_its_scale(*settings.constant_qp - std::min(*settings.constant_qp, 3U));
    rc.constQP = {qp, qp, intra};
    rc.averageBitRate = rc.maxBitRate = 0;
    return;
  }
  const auto bits = [](double value) {
    return static_cast<std::uint32_t>(
        std::min<double>(value, std::numeric_limits<std::uint32_t>::max()));
  };
  const auto bitrate = static_cast<double>(settings.bitrate_bps);
  rc.rateControlMode = NV_ENC_PARAMS_RC_CBR;
  rc.averageBitRate = rc.maxBitRate = bits(bitrate);
  if (caps.custom_vbv) {
    rc.vbvBufferSize = bits(bitrate * settings.vbv_frames / settings.rate.value());
    rc.vbvInitialDelay = rc.vbvBufferSize;
  }
}

void set_size(Configuration& configuration, const EncoderSettings& settings) {
  NV_ENC_INITIALIZE_PARAMS& init = configuration.init;
  init.encodeWidth = init.darWidth = settings.size.width;
  init.encodeHeight = init.darHeight = settings.size.height;
  auto& codec = configuration.config.encodeCodecConfig;
  if (settings.codec == Codec::kH264) set_slices(codec.h264Config, settings, configuration);
  if (settings.codec == Codec::kHevc) set_slices(codec.hevcConfig, settings, configuration);
}

Result<Configuration> configure(const EncoderSettings& settings, const Capabilities& caps,
                                const Preset& preset, const NV_ENC_CONFIG& base) {
  if (auto fits = check_size(settings, caps); !fits) return tl::unexpected(std::move(fits.error()));
  if (auto can = check_sampling_of(settings, caps); !can) {
    return tl::unexpected(std::move(can.error()));
  }
  auto codec = guid_of(settings.codec);
  if (!codec) return tl::unexpected(std::move(codec.error()));
  auto profile = profile_guid(settings);
  if (!profile) return tl::unexpected(std::move(profile.error()));
  auto level = level_number(settings);
  if (!level) return tl::unexpected(std::move(level.error()));

  Configuration chosen;
  choose_recovery(chosen, settings, caps);

  NV_ENC_CONFIG& config = chosen.config;
  config = base;
  config.version = NV_ENC_CONFIG_VER;
  config.profileGUID = *profile;
  config.gopLength = NVENC_INFINITE_GOPLENGTH;  // key frames come when they are asked for
  config.frameIntervalP = 1;                    // no B-frames
  config.rcParams.zeroReorderDelay = 1;
  config.rcParams.enableLookahead = 0;
  if (!settings.constant_qp) config.rcParams.multiPass = NV_ENC_TWO_PASS_QUARTER_RESOLUTION;
  choose_qp_maps(chosen, settings, caps);

  NV_ENC_INITIALIZE_PARAMS& init = chosen.init;
  init.version = NV_ENC_INITIALIZE_PARAMS_VER;
  init.encodeGUID = *codec;
  init.presetGUID = preset.guid;
  init.tuningInfo = preset.tuning;
  init.enablePTD = 1;
  if (caps.change_size) {
    const Extent most = settings.max_size.empty() ? settings.size : settings.max_size;
    init.maxEncodeWidth = std::max(most.width, settings.size.width);
    init.maxEncodeHeight = std::max(most.height, settings.size.height);
  }
  chosen.sub_frame = settings.sub_frame && caps.subframe_readback && !one_slice(settings) &&
                     settings.codec != Codec::kAv1;
  init.enableSubFrameWrite = chosen.sub_frame ? 1 : 0;
  init.reportSliceOffsets = chosen.sub_frame ? 1 : 0;
  // "enableEncodeAsync must be set to 0" for slice offsets (nvEncodeAPI.h, reportSliceOffsets).
  init.enableEncodeAsync = caps.async && !chosen.sub_frame ? 1 : 0;
  set_size(chosen, settings);
  set_rate(chosen, settings, caps);

  switch (settings.codec) {
    case Codec::kH264: {
      NV_ENC_CONFIG_H264& h264 = config.encodeCodecConfig.h264Config;
      set_common(h264, settings, caps, chosen);
      set_color(h264.h264VUIParameters, settings.color);
      h264.level = *level;
      h264.maxNumRefFrames = chosen.references;
      h264.outputRecoveryPointSEI = chosen.intra_refresh ? 1 : 0;
      const bool cabac = settings.profile != Profile::kBaseline && caps.cabac &&
                         settings.entropy != EntropyCoder::kCavlc;
      if (settings.entropy == EntropyCoder::kCabac && !cabac) {
        return fail(ErrorKind::kUnsupported, "this GPU or profile has no CABAC",
                    "use CAVLC, or a profile above baseline");
      }
      h264.entropyCodingMode =
          cabac ? NV_ENC_H264_ENTROPY_CODING_MODE_CABAC : NV_ENC_H264_ENTROPY_CODING_MODE_CAVLC;
      break;
    }
    case Codec::kHevc: {
      NV_ENC_CONFIG_HEVC& hevc = config.encodeCodecConfig.hevcConfig;
      set_common(hevc, settings, caps, chosen);
      set_color(hevc.hevcVUIParameters, settings.color);
      hevc.level = *level;
      hevc.maxNumRefFramesInDPB = chosen.references;
      break;
    }
    case Codec::kAv1:
#if NVENCAPI_MAJOR_VERSION >= 12
      set_av1(config.encodeCodecConfig.av1Config, settings, chosen);
#endif
      break;
  }
  return chosen;
}

}  // namespace lumen::nvenc
