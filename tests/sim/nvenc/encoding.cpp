#include "encoding.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "codec_loop.h"

namespace lumen::sim::nvenc {
namespace {

constexpr std::size_t kRemembered = 64;

std::unique_ptr<Codec> make_codec(const StreamConfig& config, bool nothing) {
  return nothing ? LoopCodec::make(config) : Codec::make(config);
}

}  // namespace

bool Encoding::open(const StreamConfig& config, bool nothing) {
  auto codec = make_codec(config, nothing);
  if (codec == nullptr) return false;
  codec_ = std::move(codec);
  config_ = config;
  nothing_ = nothing;
  restart_ = true;
  headers_sent_ = false;
  return true;
}

std::vector<std::uint8_t> Encoding::headers() { return codec_->headers(); }

bool Encoding::ignores_input() const {
  return nothing_ && static_cast<const LoopCodec&>(*codec_).recorded();
}

bool Encoding::apply(const Command& command) {
  if (command.kind == Command::Kind::kInvalidate) {
    const auto known = std::ranges::find(numbers_, command.time_stamp,
                                         &std::pair<std::uint64_t, std::int64_t>::first);
    // Without references left the next picture is intra.
    if (known != numbers_.end() && !codec_->invalidate(known->second)) restart_ = true;
    return true;
  }
  const StreamConfig& wanted = command.config;
  const bool same_shape = wanted.width == config_.width && wanted.height == config_.height;
  if (!same_shape || !codec_->change_rate(wanted)) {
    auto codec = make_codec(wanted, nothing_);
    if (codec == nullptr) return false;
    codec_ = std::move(codec);
    restart_ = true;
    headers_sent_ = false;
  }
  config_ = wanted;
  if (command.reset || command.force_idr) restart_ = true;
  return true;
}

PictureType Encoding::decide(const EncodeRequest& request) const {
  const auto over = [](std::uint32_t since, std::uint32_t period) {
    return period != NVENC_INFINITE_GOPLENGTH && since >= period;
  };
  if (restart_ || request.force_idr || over(since_idr_, config_.idr_period)) {
    return PictureType::kIdr;
  }
  if (request.type) return *request.type;
  if (request.force_intra || over(since_intra_, config_.gop_length)) return PictureType::kI;
  return PictureType::kP;
}

bool Encoding::refresh_due(const EncodeRequest& request, PictureType type) const {
  if (!config_.intra_refresh || type != PictureType::kP) return false;
  return request.start_refresh ||
         (config_.refresh_period != 0 && since_refresh_ >= config_.refresh_period);
}

std::optional<EncodeResult> Encoding::encode(const Picture& picture, const EncodeRequest& request) {
  PictureOrder order;
  order.type = decide(request);
  order.number = number_;
  order.start_refresh = refresh_due(request, order.type);
  const std::vector<std::int8_t> deltas = qp_deltas(request);
  if (!deltas.empty()) order.qp_deltas = &deltas;
  if (order.type == PictureType::kP && request.ltr_use != 0 && !go_back_to(request.ltr_use)) {
    order.type = PictureType::kI;  // predicted from nothing is predicted from nothing newer, too
  }
  auto coded = codec_->encode(picture, order);
  if (!coded) return std::nullopt;

  const PictureType type = coded->type;
  const bool idr = type == PictureType::kIdr;
  const bool with_headers = !config_.no_headers && (request.output_headers || !headers_sent_ ||
                                                    (idr && config_.repeat_headers));
  EncodeResult result = assemble(std::move(*coded), with_headers || request.output_headers);
  if (order.start_refresh && type == PictureType::kP) result.type = NV_ENC_PIC_TYPE_INTRA_REFRESH;
  headers_sent_ = headers_sent_ || with_headers;
  numbers_.emplace_back(request.time_stamp, number_);
  if (numbers_.size() > kRemembered) numbers_.pop_front();
  if (idr) long_term_.clear();
  if (request.ltr_mark) long_term_[*request.ltr_mark] = number_;
  result.ltr_mark = request.ltr_mark;
  result.ltr_used = idr ? 0 : request.ltr_use;
  result.number = static_cast<std::uint32_t>(number_++);
  since_idr_ = idr ? 1 : since_idr_ + 1;
  since_intra_ = type == PictureType::kP ? since_intra_ + 1 : 1;
  since_refresh_ = idr || order.start_refresh ? 1 : since_refresh_ + 1;
  restart_ = false;
  return result;
}

// x264 has no long-term references, but forgetting everything newer comes to the same as long as
// its DPB has the picture: it is opened with the largest one then. libx265 can't forget.
bool Encoding::go_back_to(std::uint32_t ltr_bitmap) {
  std::int64_t newest = -1;
  for (const auto& [index, number] : long_term_) {
    if ((ltr_bitmap >> index & 1U) != 0) newest = std::max(newest, number);
  }
  return newest >= 0 && codec_->invalidate(newest + 1);
}

std::vector<std::int8_t> Encoding::qp_deltas(const EncodeRequest& request) const {
  if (request.qp_map == nullptr) return {};
  std::vector<std::int8_t> deltas(request.qp_map, request.qp_map + request.qp_blocks);
  if (config_.emphasis_map) {
    // NVIDIA tells levels, not quantizers.
    for (std::int8_t& one : deltas) one = static_cast<std::int8_t>(one * -2);
  }
  return deltas;
}

EncodeResult Encoding::assemble(CodedPicture coded, bool with_headers) {
  EncodeResult result;
  result.average_qp = coded.average_qp;
  result.type = coded.type == PictureType::kIdr ? NV_ENC_PIC_TYPE_IDR
                : coded.type == PictureType::kI ? NV_ENC_PIC_TYPE_I
                                                : NV_ENC_PIC_TYPE_P;
  const auto add = [&](const std::vector<std::uint8_t>& bytes) {
    result.bytes.insert(result.bytes.end(), bytes.begin(), bytes.end());
  };
  // Delimiters come first in an access unit, parameter sets before everything else.
  std::ranges::stable_sort(
      coded.nals, {}, [](const Nal& nal) { return nal.kind == Nal::Kind::kDelimiter ? 0 : 1; });
  bool headers_due = with_headers;
  for (const Nal& nal : coded.nals) {
    if (nal.kind == Nal::Kind::kParameters) continue;
    if (nal.kind != Nal::Kind::kDelimiter && std::exchange(headers_due, false)) {
      add(codec_->headers());
    }
    if (nal.kind == Nal::Kind::kSlice) {
      result.slice_offsets.push_back(static_cast<std::uint32_t>(result.bytes.size()));
    }
    add(nal.bytes);
  }
  return result;
}

}  // namespace lumen::sim::nvenc
