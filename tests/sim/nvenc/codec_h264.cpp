#include <algorithm>
#include <cmath>
#include <cstdint>

#include "codec.h"
#include "encode/software/rate_trim.h"

extern "C" {
#include <x264.h>
}

namespace lumen::sim::nvenc {
namespace {

int profile_of(const StreamConfig& config, x264_param_t& param) {
  const char* name = "high";
  if (same_guid(config.profile, NV_ENC_H264_PROFILE_BASELINE_GUID)) name = "baseline";
  if (same_guid(config.profile, NV_ENC_H264_PROFILE_MAIN_GUID)) name = "main";
  if (config.full_chroma) name = "high444";
  return x264_param_apply_profile(&param, name);
}

int kilobits(std::uint64_t bits) {
  return static_cast<int>(std::max<std::uint64_t>(1, bits / 1000));
}

double bits_per_picture(const StreamConfig& config) {
  return double(config.bit_rate) * config.rate_den / double(config.rate_num);
}

/// x264 keeps the frame rate of its opening; a bit rate for another one is scaled instead.
/// `factor`: see RateTrim.
void set_rate(x264_param_t& param, const StreamConfig& config, double factor) {
  const double scale =
      double(param.i_fps_num) / param.i_fps_den * config.rate_den / double(config.rate_num);
  const auto scaled = [&](std::uint32_t bits) {
    return kilobits(static_cast<std::uint64_t>(double(bits) * scale * factor));
  };
  param.rc.i_bitrate = scaled(config.bit_rate);
  param.rc.i_vbv_max_bitrate = scaled(config.peak_bit_rate());
  // x264 takes no buffer of less than one picture.
  const double picture = bits_per_picture(config) * factor;
  param.rc.i_vbv_buffer_size =
      kilobits(std::max<std::uint64_t>(config.vbv_bits(), std::uint64_t(std::ceil(picture))));
}

void set_rate_control(x264_param_t& param, const StreamConfig& config) {
  auto& rc = param.rc;
  if (config.rate_control == NV_ENC_PARAMS_RC_CONSTQP) {
    rc.i_rc_method = X264_RC_CQP;
    rc.i_qp_constant = static_cast<int>(config.qp_p);
    // The QP of intra pictures is given by this factor.
    rc.f_ip_factor =
        std::exp2((static_cast<float>(config.qp_p) - static_cast<float>(config.qp_i)) / 6);
  } else if (config.target_quality != 0) {
    rc.i_rc_method = X264_RC_CRF;
    rc.f_rf_constant = static_cast<float>(config.target_quality);
  } else {
    rc.i_rc_method = X264_RC_ABR;
    set_rate(param, config, 1);
    rc.f_rate_tolerance = 0.1F;
    if (config.vbv_initial != 0) {
      rc.f_vbv_buffer_init =
          std::min(1.0F, static_cast<float>(config.vbv_initial) /
                             static_cast<float>(std::max(1U, config.vbv_bits())));
    }
    rc.b_filler = config.filler ? 1 : 0;
  }
  if (config.min_qp) rc.i_qp_min = static_cast<int>(*config.min_qp);
  if (config.max_qp) rc.i_qp_max = static_cast<int>(*config.max_qp);
  // Offsets by block need a quantizer that may vary.
  if (config.qp_delta_map || config.emphasis_map) {
    rc.i_aq_mode = X264_AQ_VARIANCE;
    rc.f_aq_strength = 0.01F;
  }
}

void set_slices(x264_param_t& param, const StreamConfig& config) {
  const int data = static_cast<int>(config.slice_data);
  if (data == 0) return;
  if (config.slice_mode == 0) param.i_slice_max_mbs = data;
  if (config.slice_mode == 1) param.i_slice_max_size = data;
  if (config.slice_mode == 2) param.i_slice_max_mbs = data * ((config.width + 15) / 16);
  if (config.slice_mode == 3) param.i_slice_count = data;
}

void set_vui(x264_param_t& param, const ColourDescription& colour) {
  if (colour.signal_type_present) {
    param.vui.i_vidformat = static_cast<int>(colour.video_format);
    param.vui.b_fullrange = colour.full_range ? 1 : 0;
  }
  if (colour.description_present) {
    param.vui.i_colorprim = static_cast<int>(colour.primaries);
    param.vui.i_transfer = static_cast<int>(colour.transfer);
    param.vui.i_colmatrix = static_cast<int>(colour.matrix);
  }
  if (colour.chroma_location) param.vui.i_chroma_loc = static_cast<int>(*colour.chroma_location);
}

bool set_up(x264_param_t& param, const StreamConfig& config) {
  if (x264_param_default_preset(&param, "ultrafast", "zerolatency") < 0) return false;
  param.i_threads = 1;
  param.b_sliced_threads = 0;
  param.i_log_level = X264_LOG_NONE;
  param.i_width = config.width;
  param.i_height = config.height;
  param.i_csp = config.full_chroma ? X264_CSP_I444 : X264_CSP_I420;
  param.i_fps_num = config.rate_num;
  param.i_fps_den = config.rate_den;
  param.b_vfr_input = 0;
  param.b_cabac = config.cabac ? 1 : 0;
  param.analyse.b_transform_8x8 = config.transform_8x8 ? 1 : 0;
  param.b_deblocking_filter = 1;
  param.i_level_idc = config.level == 0 ? -1 : static_cast<int>(config.level);
  // Picture types are given from outside. A forced I becomes an IDR where i_keyint_min is small,
  // and that is clipped to half of i_keyint_max.
  param.i_keyint_max = X264_KEYINT_MAX_INFINITE;
  param.i_keyint_min = X264_KEYINT_MAX_INFINITE / 2;
  param.i_scenecut_threshold = 0;
  param.i_frame_reference = 1;
  param.i_dpb_size = static_cast<int>(config.reference_frames == 0 ? 4 : config.reference_frames);
  if (config.ltr_frames > 0) param.i_dpb_size = 16;  // all that H.264 allows
  if (config.intra_refresh) {
    param.b_intra_refresh = 1;
    // x264 knows one number for the length of a wave and the time between two: waves follow each
    // other. Where waves come on demand only, one takes a column of macroblocks per picture.
    if (config.refresh_period != 0) {
      param.i_keyint_max = static_cast<int>(std::max(2U, config.refresh_count));
      param.i_keyint_min = 1;
    }
    param.i_dpb_size = 1;
  }
  param.b_repeat_headers = 0;
  param.b_annexb = 1;
  param.b_aud = config.access_unit_delimiters ? 1 : 0;
  set_rate_control(param, config);
  set_slices(param, config);
  set_vui(param, config.colour);
  return profile_of(config, param) == 0;
}

Nal::Kind kind_of(int type) {
  switch (type) {
    case NAL_AUD: return Nal::Kind::kDelimiter;
    case NAL_SPS:
    case NAL_PPS: return Nal::Kind::kParameters;
    case NAL_SLICE:
    case NAL_SLICE_IDR: return Nal::Kind::kSlice;
    default: return Nal::Kind::kOther;
  }
}

class H264 : public Codec {
 public:
  H264(x264_t* encoder, const x264_param_t& param, const StreamConfig& config)
      : encoder_(encoder), param_(param), config_(config), trim_(bits_per_picture(config)) {}
  H264(const H264&) = delete;
  ~H264() override { x264_encoder_close(encoder_); }

  std::vector<std::uint8_t> headers() override {
    x264_nal_t* nals = nullptr;
    int count = 0;
    std::vector<std::uint8_t> bytes;
    if (x264_encoder_headers(encoder_, &nals, &count) < 0) return bytes;
    for (const x264_nal_t& nal : std::vector(nals, nals + count)) {
      // The SEI with x264's own settings has no place in 256 bytes (FFmpeg's buffer).
      if (nal.i_type == NAL_SPS || nal.i_type == NAL_PPS) {
        bytes.insert(bytes.end(), nal.p_payload, nal.p_payload + nal.i_payload);
      }
    }
    return bytes;
  }

  std::optional<CodedPicture> encode(const Picture& picture, const PictureOrder& order) override {
    x264_picture_t in;
    x264_picture_init(&in);
    in.i_type = order.type == PictureType::kIdr ? X264_TYPE_IDR
                : order.type == PictureType::kI ? X264_TYPE_I
                                                : X264_TYPE_P;
    in.i_pts = order.number;
    in.img.i_csp = config_.full_chroma ? X264_CSP_I444 : X264_CSP_I420;
    in.img.i_plane = 3;
    for (std::size_t i = 0; i < 3; ++i) {
      in.img.plane[i] = const_cast<std::uint8_t*>(picture.planes[i].data());
      in.img.i_stride[i] = picture.strides[i];
    }
    std::vector<float> offsets;
    if (order.qp_deltas != nullptr) {
      offsets.assign(order.qp_deltas->begin(), order.qp_deltas->end());
      in.prop.quant_offsets = offsets.data();
    }
    if (order.start_refresh) x264_encoder_intra_refresh(encoder_);
    x264_picture_t out;
    x264_nal_t* nals = nullptr;
    int count = 0;
    if (x264_encoder_encode(encoder_, &nals, &count, &in, &out) <= 0) return std::nullopt;
    CodedPicture coded;
    coded.type = out.i_type == X264_TYPE_IDR ? PictureType::kIdr
                 : out.i_type == X264_TYPE_I ? PictureType::kI
                                             : PictureType::kP;
    coded.average_qp = static_cast<unsigned>(std::max(0, out.i_qpplus1 - 1));
    for (int i = 0; i < count; ++i) {
      coded.nals.push_back(
          {kind_of(nals[i].i_type), {nals[i].p_payload, nals[i].p_payload + nals[i].i_payload}});
    }
    // The first picture carries an SEI with x264's settings, which no chip writes.
    std::erase_if(coded.nals, [](const Nal& nal) { return is_settings(nal.bytes); });
    trim_rate(coded);
    return coded;
  }

  bool change_rate(const StreamConfig& config) override {
    if (config.rate_control != config_.rate_control) return false;
    if (config.target_quality != config_.target_quality) return false;
    config_ = config;
    if (param_.rc.i_rc_method != X264_RC_ABR) return true;
    trim_.set_mean(bits_per_picture(config));
    set_rate(param_, config, factor_);
    return x264_encoder_reconfig(encoder_, &param_) == 0;
  }

  bool invalidate(std::int64_t number) override {
    return x264_encoder_invalidate_reference(encoder_, number) == 0;
  }

 private:
  /// user_data_unregistered.
  static bool is_settings(const std::vector<std::uint8_t>& bytes) {
    const std::size_t at = bytes.size() > 3 && bytes[2] == 1 ? 3 : 4;
    return bytes.size() > at + 1 && (bytes[at] & 31) == NAL_SEI && bytes[at + 1] == 5;
  }

  /// A chip's constant bit rate is used to the end; x264 leaves a fifth where the buffer is small.
  void trim_rate(const CodedPicture& coded) {
    constexpr double kSmallestStep = 0.02;
    if (config_.rate_control != NV_ENC_PARAMS_RC_CBR) return;
    std::size_t bytes = 0;
    for (const Nal& nal : coded.nals) bytes += nal.bytes.size();
    trim_.coded(double(bytes) * 8);
    if (std::abs(trim_.factor() - factor_) < kSmallestStep) return;
    factor_ = trim_.factor();
    set_rate(param_, config_, factor_);
    x264_encoder_reconfig(encoder_, &param_);
  }

  x264_t* encoder_;
  x264_param_t param_;
  StreamConfig config_;
  software::RateTrim trim_;
  double factor_ = 1;
};

}  // namespace

std::unique_ptr<Codec> make_h264(const StreamConfig& config) {
  if (config.ten_bit) return nullptr;
  x264_param_t param;
  if (!set_up(param, config)) return nullptr;
  x264_t* encoder = x264_encoder_open(&param);
  if (encoder == nullptr) return nullptr;
  return std::make_unique<H264>(encoder, param, config);
}

}  // namespace lumen::sim::nvenc
