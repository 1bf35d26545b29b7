#include "codec_loop.h"

namespace lumen::sim::nvenc {

std::unique_ptr<Codec> LoopCodec::make(const StreamConfig& config) {
  StreamConfig simple = config;
  simple.short_counters = true;
  simple.rate_control = NV_ENC_PARAMS_RC_CONSTQP;
  simple.qp_i = 40;
  simple.qp_p = 51;
  simple.reference_frames = 1;
  simple.intra_refresh = false;
  auto codec = Codec::make(simple);
  if (codec == nullptr) return nullptr;
  return std::unique_ptr<Codec>(new LoopCodec(std::move(codec)));
}

bool LoopCodec::record(const Picture& picture) {
  PictureOrder order;
  order.type = PictureType::kIdr;
  auto key = codec_->encode(picture, order);
  if (!key) return false;
  key_ = std::move(*key);
  order.type = PictureType::kP;
  for (CodedPicture& one : loop_) {
    ++order.number;
    auto coded = codec_->encode(picture, order);
    if (!coded) return false;
    one = std::move(*coded);
  }
  return true;
}

std::optional<CodedPicture> LoopCodec::encode(const Picture& picture, const PictureOrder& order) {
  if (!recorded_) recorded_ = record(picture);
  if (!recorded_) return std::nullopt;
  if (order.type == PictureType::kIdr) {
    next_ = 0;
    return key_;
  }
  const CodedPicture& coded = loop_[next_];
  next_ = (next_ + 1) % kLoop;
  return coded;
}

}  // namespace lumen::sim::nvenc
