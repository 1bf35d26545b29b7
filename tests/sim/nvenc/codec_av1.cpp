// AV1 by SVT-AV1, which keeps no reference that a client could choose and has no wave of intra
// blocks: forced key frames, rates and maps of quantizers are what it shows.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <span>
#include <thread>

#include "codec.h"
#include "rate_model.h"

extern "C" {
#include <EbSvtAv1Enc.h>
}

namespace lumen::sim::nvenc {
namespace {

constexpr std::uint32_t kCoarsest = 63;  // SVT-AV1's quantizers; NVENC counts to 255
constexpr int kBlock = 64;
constexpr auto kPatience = std::chrono::seconds{20};

std::uint32_t quantizer_of(unsigned qindex) { return std::min(qindex / 4, kCoarsest); }

/// The model's quantizers, on SVT-AV1's scale.
StreamConfig for_model(const StreamConfig& config) {
  StreamConfig model = config;
  model.min_qp = quantizer_of(config.min_qp.value_or(0));
  model.max_qp = quantizer_of(config.max_qp.value_or(255));
  return model;
}

bool by_rate(const StreamConfig& config) {
  return config.rate_control != NV_ENC_PARAMS_RC_CONSTQP && config.target_quality == 0;
}

void set_up(EbSvtAv1EncConfiguration& param, const StreamConfig& config) {
  param.enc_mode = 10;
  param.intra_period_length = -1;  // picture types are given from outside
  param.force_key_frames = true;
  param.pred_structure = SVT_AV1_PRED_LOW_DELAY_B;
  param.hierarchical_levels = 0;
  param.look_ahead_distance = 0;
  param.enable_tf = false;
  param.enable_overlays = false;
  param.scene_change_detection = 0;
  param.screen_content_mode = 0;
  param.source_width = static_cast<std::uint32_t>(config.width);
  param.source_height = static_cast<std::uint32_t>(config.height);
  param.frame_rate_numerator = config.rate_num;
  param.frame_rate_denominator = config.rate_den;
  param.encoder_bit_depth = config.ten_bit ? 10 : 8;
  param.encoder_color_format = EB_YUV420;
  param.profile = MAIN_PROFILE;
  // Every picture is given its quantizer.
  param.rate_control_mode = 0;
  param.enable_adaptive_quantization = 0;
  param.use_qp_file = true;
  param.qp = config.target_quality != 0 ? config.target_quality : quantizer_of(config.qp_p);
  param.min_qp_allowed = 0;
  param.max_qp_allowed = kCoarsest;
  param.enable_roi_map = config.qp_delta_map;
  param.color_description_present_flag = config.colour.description_present;
  param.color_primaries = static_cast<EbColorPrimaries>(config.colour.primaries);
  param.transfer_characteristics = static_cast<EbTransferCharacteristics>(config.colour.transfer);
  param.matrix_coefficients = static_cast<EbMatrixCoefficients>(config.colour.matrix);
  param.color_range = config.colour.full_range ? EB_CR_FULL_RANGE : EB_CR_STUDIO_RANGE;
  param.logical_processors = 1;
}

/// One OBU with its size field; 0 where the bytes are none.
std::size_t obu_size(std::span<const std::uint8_t> bytes) {
  if (bytes.empty() || (bytes[0] & 2) == 0) return 0;
  std::size_t at = (bytes[0] & 4) != 0 ? 2 : 1;
  std::size_t payload = 0;
  for (unsigned shift = 0; shift < 56 && at < bytes.size(); shift += 7) {
    const std::uint8_t byte = bytes[at++];
    payload |= std::size_t{byte & 0x7fU} << shift;
    if ((byte & 0x80) == 0) return at + payload <= bytes.size() ? at + payload : 0;
  }
  return 0;
}

std::vector<Nal> split(std::span<const std::uint8_t> bytes) {
  std::vector<Nal> obus;
  while (const std::size_t size = obu_size(bytes)) {
    const unsigned type = bytes[0] >> 3 & 15U;
    const Nal::Kind kind = type == 2   ? Nal::Kind::kDelimiter
                           : type == 1 ? Nal::Kind::kParameters
                                       : Nal::Kind::kOther;
    obus.push_back({kind, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)}});
    bytes = bytes.subspan(size);
  }
  return obus;
}

/// Up to eight quantizers can stand in a map (AV1's segments). None becomes 0 with the picture's,
/// `quantizer`: that would be a lossless segment, which the library does not write.
class Segments {
 public:
  Segments(const std::vector<std::int8_t>& deltas, std::int64_t picture, int quantizer) {
    std::vector<int> values(deltas.begin(), deltas.end());
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    const std::size_t count = std::min<std::size_t>(values.size(), std::size(event_.seg_qp));
    for (std::size_t i = 0; i < count; ++i) {
      const int value = values[i * values.size() / count];
      event_.seg_qp[i] = static_cast<std::int16_t>(std::max(value, 1 - quantizer) * 4);
      kept_.push_back(value);
    }
    for (const int delta : deltas) {
      const auto nearest =
          std::ranges::min_element(kept_, {}, [&](int value) { return std::abs(value - delta); });
      map_.push_back(static_cast<std::uint8_t>(nearest - kept_.begin()));
    }
    event_.start_picture_number = static_cast<std::uint64_t>(picture);
    event_.b64_seg_map = map_.data();
    event_.max_seg_id = static_cast<std::int8_t>(count - 1);
    node_.node_type = ROI_MAP_EVENT;
    node_.data = &event_;
    node_.size = sizeof &event_;  // of the pointer, as the library wants it
  }
  Segments(const Segments&) = delete;
  EbPrivDataNode* node() { return &node_; }

 private:
  std::vector<int> kept_;
  std::vector<std::uint8_t> map_;
  SvtAv1RoiMapEvt event_{};
  EbPrivDataNode node_{};
};

class Av1 : public Codec {
 public:
  Av1(EbComponentType* encoder, const StreamConfig& config)
      : encoder_(encoder), config_(config), rate_(for_model(config)) {}
  Av1(const Av1&) = delete;
  ~Av1() override {
    // What is inside must come out first.
    EbBufferHeaderType end{};
    end.size = sizeof end;
    end.flags = EB_BUFFERFLAG_EOS;
    svt_av1_enc_send_picture(encoder_, &end);
    for (;;) {
      EbBufferHeaderType* packet = nullptr;
      if (svt_av1_enc_get_packet(encoder_, &packet, 1) != EB_ErrorNone || packet == nullptr) break;
      const bool last = (packet->flags & EB_BUFFERFLAG_EOS) != 0;
      svt_av1_enc_release_out_buffer(&packet);
      if (last) break;
    }
    svt_av1_enc_deinit(encoder_);
    svt_av1_enc_deinit_handle(encoder_);
  }

  /// What svt_av1_enc_stream_header() tells is not what the library writes then: other tools are
  /// switched on. So another encoder codes a picture for it.
  std::vector<std::uint8_t> headers() override {
    if (!headers_.empty()) return headers_;
    const auto other = make_av1(config_);
    if (!other) return {};
    Picture grey;
    grey.width = config_.width;
    grey.height = config_.height;
    grey.ten_bit = config_.ten_bit;
    const int bytes = config_.ten_bit ? 2 : 1;
    for (std::size_t i = 0; i < 3; ++i) {
      const int shift = i == 0 ? 0 : 1;
      grey.strides[i] = (config_.width >> shift) * bytes;
      grey.planes[i].assign(std::size_t(grey.strides[i]) * std::size_t(config_.height >> shift), 0);
    }
    PictureOrder order;
    order.type = PictureType::kIdr;
    const auto coded = other->encode(grey, order);
    for (const Nal& obu : coded ? coded->nals : std::vector<Nal>{}) {
      if (obu.kind == Nal::Kind::kParameters) headers_ = obu.bytes;
    }
    return headers_;
  }

  std::optional<CodedPicture> encode(const Picture& picture, const PictureOrder& order) override {
    const int bytes = picture.ten_bit ? 2 : 1;
    EbSvtIOFormat planes{};
    const auto plane = [&](std::size_t i) {
      return const_cast<std::uint8_t*>(picture.planes[i].data());
    };
    planes.luma = plane(0);
    planes.cb = plane(1);
    planes.cr = plane(2);
    planes.y_stride = static_cast<std::uint32_t>(picture.strides[0] / bytes);
    planes.cb_stride = static_cast<std::uint32_t>(picture.strides[1] / bytes);
    planes.cr_stride = static_cast<std::uint32_t>(picture.strides[2] / bytes);
    planes.width = static_cast<std::uint32_t>(picture.width);
    planes.height = static_cast<std::uint32_t>(picture.height);
    planes.color_fmt = EB_YUV420;
    planes.bit_depth = picture.ten_bit ? EB_TEN_BIT : EB_EIGHT_BIT;

    // An intra picture that is no key frame is one all the same: SVT-AV1 makes no other.
    const bool key = order.type != PictureType::kP;
    const int quantizer = quantizer_for(key);
    EbBufferHeaderType in{};
    in.size = sizeof in;
    in.p_buffer = reinterpret_cast<std::uint8_t*>(&planes);
    in.n_filled_len = static_cast<std::uint32_t>(picture.width * picture.height * 3 / 2 * bytes);
    in.pts = sent_;
    in.qp = static_cast<std::uint32_t>(quantizer);
    in.pic_type = key ? EB_AV1_KEY_PICTURE : EB_AV1_INVALID_PICTURE;
    // A map holds until the next one, and the library reads it where it is.
    if (order.qp_deltas != nullptr || !segments_.empty()) {
      const std::vector<std::int8_t> even(blocks(), 0);
      segments_.emplace_back(order.qp_deltas != nullptr ? *order.qp_deltas : even, sent_,
                             quantizer);
      in.p_app_private = segments_.back().node();
    }
    if (svt_av1_enc_send_picture(encoder_, &in) != EB_ErrorNone) return std::nullopt;
    ++sent_;
    auto coded = receive();
    if (!coded) return std::nullopt;
    coded->average_qp = static_cast<unsigned>(quantizer * 4);
    std::size_t size = 0;
    for (const Nal& obu : coded->nals) size += obu.bytes.size();
    rate_.coded(key, quantizer, size);
    return coded;
  }

  bool change_rate(const StreamConfig& config) override {
    if (by_rate(config) != by_rate(config_)) return false;
    config_ = config;
    rate_.change(for_model(config));
    return true;
  }
  bool invalidate(std::int64_t) override { return false; }

 private:
  [[nodiscard]] std::size_t blocks() const {
    const auto along = [](int pixels) { return std::size_t(pixels + kBlock - 1) / kBlock; };
    return along(config_.width) * along(config_.height);
  }
  int quantizer_for(bool key) const {
    if (by_rate(config_)) return rate_.quantizer(key);
    if (config_.target_quality != 0) return static_cast<int>(config_.target_quality);
    return static_cast<int>(quantizer_of(key ? config_.qp_i : config_.qp_p));
  }

  /// The picture that was sent last: nothing is reordered.
  std::optional<CodedPicture> receive() {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      EbBufferHeaderType* packet = nullptr;
      const EbErrorType status = svt_av1_enc_get_packet(encoder_, &packet, 0);
      if (status == EB_ErrorNone && packet != nullptr) {
        CodedPicture coded;
        coded.type = packet->pic_type == EB_AV1_KEY_PICTURE ? PictureType::kIdr : PictureType::kP;
        coded.nals = split({packet->p_buffer, packet->n_filled_len});
        svt_av1_enc_release_out_buffer(&packet);
        return coded;
      }
      if (status != EB_NoErrorEmptyQueue || std::chrono::steady_clock::now() > give_up) {
        return std::nullopt;
      }
      std::this_thread::sleep_for(std::chrono::microseconds{200});
    }
  }

  EbComponentType* encoder_;
  StreamConfig config_;
  RateModel rate_;
  std::deque<Segments> segments_;
  std::vector<std::uint8_t> headers_;
  std::int64_t sent_ = 0;
};

}  // namespace

std::unique_ptr<Codec> make_av1(const StreamConfig& config) {
  if (config.full_chroma || config.intra_refresh) return nullptr;
  ::setenv("SVT_LOG", "1", 0);  // errors only: it tells all of its settings else
  EbComponentType* encoder = nullptr;
  EbSvtAv1EncConfiguration param{};
  if (svt_av1_enc_init_handle(&encoder, nullptr, &param) != EB_ErrorNone) return nullptr;
  set_up(param, config);
  if (svt_av1_enc_set_parameter(encoder, &param) != EB_ErrorNone ||
      svt_av1_enc_init(encoder) != EB_ErrorNone) {
    svt_av1_enc_deinit_handle(encoder);
    return nullptr;
  }
  return std::make_unique<Av1>(encoder, config);
}

}  // namespace lumen::sim::nvenc
