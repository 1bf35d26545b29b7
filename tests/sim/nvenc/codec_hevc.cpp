#include <x265.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <type_traits>

#include "codec.h"
#include "rate_model.h"

namespace lumen::sim::nvenc {
namespace {

void set_rate_control(x265_param& param, const StreamConfig& config) {
  if (config.rate_control == NV_ENC_PARAMS_RC_CONSTQP) {
    param.rc.rateControlMode = X265_RC_CQP;
    param.rc.qp = static_cast<int>(config.qp_p);
    // The QP of intra pictures is given by this factor only.
    param.rc.ipFactor = std::exp2((double(config.qp_p) - config.qp_i) / 6);
  } else if (config.target_quality != 0) {
    param.rc.rateControlMode = X265_RC_CRF;
    param.rc.rfConstant = config.target_quality;
  } else {
    // For the level only: every picture is given its quantizer.
    param.rc.rateControlMode = X265_RC_ABR;
    param.rc.bitrate = static_cast<int>(std::max(1U, config.bit_rate / 1000));
  }
  if (config.min_qp) param.rc.qpMin = static_cast<int>(*config.min_qp);
  if (config.max_qp) param.rc.qpMax = static_cast<int>(*config.max_qp);
  param.rc.cuTree = 0;
  param.rc.aqMode = config.qp_delta_map ? X265_AQ_VARIANCE : X265_AQ_NONE;
  if (config.qp_delta_map) param.rc.aqStrength = 0.01;
}

void set_vui(x265_param& param, const ColourDescription& colour) {
  auto& vui = param.vui;
  vui.bEnableVideoSignalTypePresentFlag = colour.signal_type_present ? 1 : 0;
  vui.videoFormat = static_cast<int>(colour.video_format);
  vui.bEnableVideoFullRangeFlag = colour.full_range ? 1 : 0;
  vui.bEnableColorDescriptionPresentFlag = colour.description_present ? 1 : 0;
  vui.colorPrimaries = static_cast<int>(colour.primaries);
  vui.transferCharacteristics = static_cast<int>(colour.transfer);
  vui.matrixCoeffs = static_cast<int>(colour.matrix);
  vui.bEnableChromaLocInfoPresentFlag = colour.chroma_location ? 1 : 0;
  vui.chromaSampleLocTypeTopField = static_cast<int>(colour.chroma_location.value_or(0));
  vui.chromaSampleLocTypeBottomField = vui.chromaSampleLocTypeTopField;
}

constexpr int kCtuSize = 32;  // NVENC's

/// x265 divides a picture into a number of equal slices and nothing else.
unsigned slices_of(const StreamConfig& config) {
  const auto rows = static_cast<unsigned>((config.height + kCtuSize - 1) / kCtuSize);
  const auto columns = static_cast<unsigned>((config.width + kCtuSize - 1) / kCtuSize);
  const unsigned data = config.slice_data;
  unsigned count = 1;
  if (data != 0 && config.slice_mode == 0) count = (rows * columns + data - 1) / data;
  if (data != 0 && config.slice_mode == 2) count = (rows + data - 1) / data;
  if (data != 0 && config.slice_mode == 3) count = data;
  return std::clamp(count, 1U, std::max(1U, rows));
}

/// x265 takes no level where it keeps to no rate.
int level_of(const StreamConfig& config) {
  if (config.rate_control == NV_ENC_PARAMS_RC_CONSTQP || config.target_quality != 0) return 0;
  return static_cast<int>(config.level / 3);
}

/// An array since x265 4.0, a pointer before.
template <typename Text>
void set_text(Text& to, const char* value) {
  if constexpr (std::is_array_v<Text>) {
    std::snprintf(to, sizeof to, "%s", value);
  } else {
    to = value;
  }
}

bool set_up(const x265_api& api, x265_param& param, const StreamConfig& config) {
  if (api.param_default_preset(&param, "ultrafast", "zerolatency") < 0) return false;
  param.logLevel = X265_LOG_NONE;
  param.frameNumThreads = 1;
  param.bEnableWavefront = 0;
  param.bDistributeModeAnalysis = 0;
  param.bDistributeMotionEstimation = 0;
  set_text(param.numaPools, "none");
  param.sourceWidth = config.width;
  param.sourceHeight = config.height;
  param.fpsNum = config.rate_num;
  param.fpsDenom = config.rate_den;
  param.internalCsp = config.full_chroma ? X265_CSP_I444 : X265_CSP_I420;
  param.levelIdc = level_of(config);
  param.bHighTier = config.tier == NV_ENC_TIER_HEVC_HIGH ? 1 : 0;
  param.maxCUSize = kCtuSize;
  param.bframes = 0;
  param.lookaheadDepth = 0;
  param.scenecutThreshold = 0;
  param.keyframeMax = -1;       // picture types are given from outside
  param.keyframeMin = 1 << 20;  // else a late I becomes an IDR
  param.bOpenGOP = 0;
  param.maxNumReferences = 1;
  if (config.intra_refresh) {
    param.bIntraRefresh = 1;
    // Else vectors and neighbours outside of the wave carry old faults into it.
    param.bEnableTemporalMvp = 0;
    param.bEnableConstrainedIntra = 1;
    // As in x264: one number for the length of a wave and the time between two.
    param.keyframeMax =
        config.refresh_period != 0 ? static_cast<int>(std::max(2U, config.refresh_count)) : 1 << 20;
  }
  param.bRepeatHeaders = 0;
  param.bAnnexB = 1;
  param.bEmitInfoSEI = 0;
  param.maxSlices = slices_of(config);
  if (param.maxSlices > 1) {
    // Slices are rows of its wavefront.
    param.bEnableWavefront = 1;
    set_text(param.numaPools, "1");
  }
  if (config.short_counters) param.log2MaxPocLsb = 4;
  set_rate_control(param, config);
  set_vui(param, config.colour);
  const char* profile = config.full_chroma ? (config.ten_bit ? "main444-10" : "main444-8")
                        : config.ten_bit   ? "main10"
                                           : "main";
  return api.param_apply_profile(&param, profile) == 0;
}

Nal::Kind kind_of(std::uint32_t type) {
  switch (type) {
    case NAL_UNIT_ACCESS_UNIT_DELIMITER: return Nal::Kind::kDelimiter;
    case NAL_UNIT_VPS:
    case NAL_UNIT_SPS:
    case NAL_UNIT_PPS: return Nal::Kind::kParameters;
    default: return type < NAL_UNIT_VPS ? Nal::Kind::kSlice : Nal::Kind::kOther;
  }
}

constexpr int kGroup = 16;  // pixels, of x265's quantization groups

std::vector<float> no_offsets(int width, int height) {
  const auto along = [](int pixels) { return std::size_t(pixels + kGroup - 1) / kGroup; };
  return std::vector<float>(along(width) * along(height), 0.0F);
}

/// x265 wants an offset for each 16 x 16 pixels, NVENC has one for each of its tree blocks.
std::vector<float> by_quantization_group(const std::vector<std::int8_t>& deltas, int width,
                                         int height) {
  const int columns = (width + kGroup - 1) / kGroup;
  const int rows = (height + kGroup - 1) / kGroup;
  const int blocks = (width + kCtuSize - 1) / kCtuSize;
  std::vector<float> offsets;
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      const int block = y * kGroup / kCtuSize * blocks + x * kGroup / kCtuSize;
      offsets.push_back(deltas[static_cast<std::size_t>(block)]);
    }
  }
  return offsets;
}

/// x265 leaves it out where its headers are not repeated.
Nal delimiter(PictureType type) {
  const std::uint8_t pic_type = type == PictureType::kP ? 0x30 : 0x10;
  return {Nal::Kind::kDelimiter, {0, 0, 0, 1, NAL_UNIT_ACCESS_UNIT_DELIMITER << 1, 1, pic_type}};
}

class Hevc : public Codec {
 public:
  Hevc(const x265_api& api, x265_encoder* encoder, x265_param* param, const StreamConfig& config)
      : api_(api), encoder_(encoder), param_(param), config_(config), rate_(config) {}
  Hevc(const Hevc&) = delete;
  ~Hevc() override {
    api_.encoder_close(encoder_);
    api_.param_free(param_);
  }

  std::vector<std::uint8_t> headers() override {
    x265_nal* nals = nullptr;
    std::uint32_t count = 0;
    std::vector<std::uint8_t> bytes;
    if (api_.encoder_headers(encoder_, &nals, &count) < 0) return bytes;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (kind_of(nals[i].type) != Nal::Kind::kParameters) continue;
      bytes.insert(bytes.end(), nals[i].payload, nals[i].payload + nals[i].sizeBytes);
    }
    return bytes;
  }

  std::optional<CodedPicture> encode(const Picture& picture, const PictureOrder& order) override {
    x265_picture in;
    api_.picture_init(param_, &in);
    in.pts = order.number;
    in.bitDepth = picture.ten_bit ? 10 : 8;
    in.colorSpace = picture.full_chroma ? X265_CSP_I444 : X265_CSP_I420;
    in.sliceType = order.type == PictureType::kIdr ? X265_TYPE_IDR
                   : order.type == PictureType::kI ? X265_TYPE_I
                                                   : X265_TYPE_P;
    for (std::size_t i = 0; i < 3; ++i) {
      in.planes[i] = const_cast<std::uint8_t*>(picture.planes[i].data());
      in.stride[i] = picture.strides[i];
    }
    const bool by_rate = param_->rc.rateControlMode == X265_RC_ABR;
    const int quantizer = rate_.quantizer(order.type != PictureType::kP);
    if (by_rate) in.forceqp = quantizer + 1;
    // x265 3.5 makes room for them with its first pictures only: later ones must find it.
    std::vector<float> offsets;
    if (config_.qp_delta_map) {
      offsets = order.qp_deltas != nullptr
                    ? by_quantization_group(*order.qp_deltas, picture.width, picture.height)
                    : no_offsets(picture.width, picture.height);
      in.quantOffsets = offsets.data();
    }
    if (order.start_refresh) api_.encoder_intra_refresh(encoder_);
    x265_picture out{};
    api_.picture_init(param_, &out);
    x265_nal* nals = nullptr;
    std::uint32_t count = 0;
    int pictures = api_.encoder_encode(encoder_, &nals, &count, &in, &out);
    // With slices x265 keeps a picture back, until it is asked for the last ones.
    if (pictures == 0) pictures = api_.encoder_encode(encoder_, &nals, &count, nullptr, &out);
    if (pictures <= 0 || count == 0) return std::nullopt;
    CodedPicture coded;
    coded.type = out.sliceType == X265_TYPE_IDR ? PictureType::kIdr
                 : out.sliceType == X265_TYPE_I ? PictureType::kI
                                                : PictureType::kP;
    coded.average_qp = static_cast<unsigned>(std::max(0.0, out.frameData.qp));
    if (config_.access_unit_delimiters) coded.nals.push_back(delimiter(coded.type));
    for (std::uint32_t i = 0; i < count; ++i) {
      coded.nals.push_back(
          {kind_of(nals[i].type), {nals[i].payload, nals[i].payload + nals[i].sizeBytes}});
    }
    std::size_t size = 0;
    for (const Nal& nal : coded.nals) size += nal.bytes.size();
    rate_.coded(coded.type != PictureType::kP, quantizer, size);
    return coded;
  }

  bool change_rate(const StreamConfig& config) override {
    if (config.rate_control != config_.rate_control) return false;
    if (config.target_quality != config_.target_quality) return false;
    config_ = config;
    rate_.change(config);
    return true;
  }

  // libx265 has no such function.
  bool invalidate(std::int64_t) override { return false; }

 private:
  const x265_api& api_;
  x265_encoder* encoder_;
  x265_param* param_;
  StreamConfig config_;
  RateModel rate_;
};

}  // namespace

std::unique_ptr<Codec> make_hevc(const StreamConfig& config) {
  const x265_api* api = x265_api_get(config.ten_bit ? 10 : 8);
  if (api == nullptr) return nullptr;
  x265_param* param = api->param_alloc();
  if (param == nullptr) return nullptr;
  x265_encoder* encoder = set_up(*api, *param, config) ? api->encoder_open(param) : nullptr;
  if (encoder == nullptr) {
    api->param_free(param);
    return nullptr;
  }
  return std::make_unique<Hevc>(*api, encoder, param, config);
}

}  // namespace lumen::sim::nvenc
