#include "encode/software/x264_encoder.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"
#include "encode/software/nominal.h"
#include "encode/software/sizes.h"
#include "encode/stream_description.h"

namespace lumen::software {
namespace {

using Repair = EncodeRequest::Repair;

constexpr double kFactorStep = 0.02;  // smaller changes of the rate are not worth a call

// Its warnings tell of buffers that the rate control overran: for developers.
void on_log(void* last_error, int level, const char* format, va_list arguments) {
  std::array<char, 256> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  std::string line(text.data());
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  log::area("x264").debug("{}", line);
  if (level == X264_LOG_ERROR) *static_cast<std::string*>(last_error) = std::move(line);
}

// libx264 tells its version and settings in a message of this type (H.264 D.2.7).
constexpr int kUserDataUnregistered = 5;

bool is_banner(const x264_nal_t& nal) {
  if (nal.i_type != NAL_SEI) return false;
  const std::uint8_t* bytes = nal.p_payload;
  const int start = bytes[2] == 1 ? 3 : 4;  // of the NAL unit, behind its start code
  return nal.i_payload > start + 1 && bytes[start + 1] == kUserDataUnregistered;
}

}  // namespace

Result<std::unique_ptr<VideoEncoder>> X264Encoder::create(const EncoderSettings& settings,
                                                          EncodedFrameCallback callback) {
  std::unique_ptr<X264Encoder> self(new X264Encoder(settings, std::move(callback)));
  if (auto opened = self->open(settings); !opened) return tl::unexpected(opened.error());
  return self;
}

Result<void> X264Encoder::open(const EncoderSettings& settings) {
  auto setup = x264_setup(settings);
  if (!setup) return tl::unexpected(std::move(setup.error()));
  setup->param.pf_log = &on_log;
  setup->param.p_log_private = &last_error_;
  setup->param.i_log_level = X264_LOG_WARNING;
  last_error_.clear();
  std::unique_ptr<x264_t, Close> encoder(x264_encoder_open(&setup->param));
  if (!encoder) {
    return fail(ErrorKind::kUnsupported, "libx264 does not open: " + last_error_);
  }
  if (auto described = describe(*encoder, settings); !described) return described;
  // What it made of the settings; reconfiguring starts from there.
  x264_encoder_parameters(encoder.get(), &setup->param);
  encoder_ = std::move(encoder);
  setup_ = *setup;
  settings_ = settings;
  damage_.emplace(settings.size, std::uint8_t{X264_MBINFO_CONSTANT});
  history_.reset();
  if (setup_.invalidation) history_.emplace(setup_.references);
  trim_.reset();
  if (!settings.constant_qp) trim_.emplace(mean_bits(settings));
  factor_ = 1;
  new_sequence_ = true;
  wave_left_ = 0;
  return {};
}

Result<void> X264Encoder::describe(x264_t& encoder, const EncoderSettings& settings) {
  x264_nal_t* nals = nullptr;
  int count = 0;
  const int size = x264_encoder_headers(&encoder, &nals, &count);
  // The NAL units follow each other in memory.
  const bool any = size > 0 && count > 0;
  const std::span<const std::uint8_t> header(any ? nals[0].p_payload : nullptr,
                                             any ? static_cast<std::size_t>(size) : 0);
  auto stream = describe_stream(settings, "libx264", header);
  if (!stream) return tl::unexpected(std::move(stream.error()));
  stream_ = std::move(*stream);
  return {};
}

EncoderCapabilities X264Encoder::capabilities() const {
  return {.invalidation = setup_.invalidation,
          .references = setup_.invalidation ? setup_.references : 0,
          .intra_refresh = setup_.intra_refresh,
          .change_bitrate = !settings_.constant_qp,
          .change_size = true,
          .damage = true};
}

std::int64_t X264Encoder::microseconds(Timestamp pts) {
  if (first_pts_ == kNoTimestamp) first_pts_ = pts;
  return std::chrono::duration_cast<std::chrono::microseconds>(pts - first_pts_).count();
}

bool X264Encoder::apply(const EncodeRequest& request, x264_picture_t& picture) {
  bool key = request.repair == Repair::kKeyFrame || new_sequence_;
  bool repaired = false;
  if (request.repair == Repair::kInvalidate && !key) {
    key = !history_ || !history_->invalidate(request.lost_from).usable;
    if (!key) {
      // It takes that picture and all later ones for lost.
      x264_encoder_invalidate_reference(encoder_.get(), microseconds(request.lost_from));
    }
    repaired = true;
  }
  const bool wave_starts = request.repair == Repair::kIntraRefresh && !key && wave_left_ == 0;
  if (wave_starts && !setup_.intra_refresh) key = true;
  if (key) {
    wave_left_ = 0;
  } else if (wave_starts) {
    wave_left_ = setup_.refresh_frames;
    x264_encoder_intra_refresh(encoder_.get());
  }
  picture.i_type = key ? X264_TYPE_IDR : X264_TYPE_P;
  if (wave_left_ > 0) {
    --wave_left_;
    if (wave_left_ == 0) repaired = true;
  }
  return repaired;
}

void X264Encoder::mark_unchanged(const Frame& frame, x264_picture_t& picture) {
  if (!frame.damage.known() || !damage_applies_ || picture.i_type != X264_TYPE_P) return;
  picture.prop.mb_info = damage_->of(frame.damage.rects()).data();
}

Result<void> X264Encoder::encode(const Frame& frame, Timestamp pts, const EncodeRequest& request) {
  const bool damage_applies = std::exchange(damage_applies_, false);
  if (frame.size != settings_.size) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("libx264 wants {}x{}", settings_.size.width, settings_.size.height));
  }
  auto planes = planes_of(frame, setup_.format);
  if (!planes) return with_context("libx264", std::move(planes.error()));
  damage_applies_ = damage_applies;

  x264_picture_t picture;
  x264_picture_init(&picture);
  picture.img.i_csp = setup_.param.i_csp;
  if (settings_.bit_depth > 8) {
    picture.img.i_csp |= X264_CSP_HIGH_DEPTH;
    planes = shifter_.to_low_end(*planes, setup_.format, frame.size);
  }
  picture.img.i_plane = static_cast<int>(plane_count(setup_.format));
  std::ranges::copy(planes->data, picture.img.plane);
  std::ranges::copy(planes->strides, picture.img.i_stride);
  last_pts_us_ = std::max(microseconds(pts), last_pts_us_ + 1);
  picture.i_pts = last_pts_us_;
  const bool repaired = apply(request, picture);
  mark_unchanged(frame, picture);

  FrameTimes times = frame.times;
  times.mark(Stage::kSubmitted);
  x264_picture_t coded;
  x264_nal_t* nals = nullptr;
  int count = 0;
  const int size = x264_encoder_encode(encoder_.get(), &nals, &count, &picture, &coded);
  damage_applies_ = size > 0;
  if (size <= 0) {
    return fail(ErrorKind::kDeviceLost, "libx264 failed: " + last_error_);
  }
  new_sequence_ = false;
  const bool key = coded.i_type == X264_TYPE_IDR;
  if (history_) history_->add(pts, key);
  EncodedFrame encoded;
  encoded.key = key;
  encoded.repaired = key || repaired;
  encoded.pts = pts;
  encoded.times = times;
  hand_out(std::move(encoded), {nals, static_cast<std::size_t>(count)});
  return trim_rate(static_cast<double>(size) * 8);
}

Result<void> X264Encoder::trim_rate(double bits) {
  if (!trim_) return {};
  trim_->coded(bits);
  if (std::abs(trim_->factor() - factor_) < kFactorStep) return {};
  return set_factor(settings_, trim_->factor());
}

void X264Encoder::hand_out(EncodedFrame encoded, std::span<const x264_nal_t> nals) {
  auto bytes = std::make_shared<std::vector<std::uint8_t>>();
  for (const x264_nal_t& nal : nals) {
    if (is_banner(nal)) continue;
    bytes->insert(bytes->end(), nal.p_payload, nal.p_payload + nal.i_payload);
  }
  encoded.times.mark(Stage::kEncoded);
  encoded.stream = stream_;
  const std::span<const std::uint8_t> view(*bytes);
  encoded.data = SharedBytes(std::move(bytes), view);
  callback_(std::move(encoded));
}

Result<void> X264Encoder::reconfigure(const EncoderChange& change) {
  const EncoderSettings wanted = changed(settings_, change);
  if (wanted.size != settings_.size) {
    if (auto fits = check_new_size(settings_, wanted.size); !fits) return fits;
    return open(wanted);
  }
  if (wanted.bitrate_bps == settings_.bitrate_bps && wanted.rate == settings_.rate) return {};
  return change_rate(wanted);
}

Result<void> X264Encoder::change_rate(const EncoderSettings& wanted) {
  if (trim_) {
    if (auto set = set_factor(wanted, trim_->factor()); !set) return set;
    trim_->set_mean(mean_bits(wanted));
  } else if (wanted.bitrate_bps != settings_.bitrate_bps) {
    return fail(ErrorKind::kUnsupported, "constant quality has no bit rate");
  }
  settings_ = wanted;
  return {};
}

Result<void> X264Encoder::set_factor(const EncoderSettings& settings, double factor) {
  x264_param_t param = setup_.param;
  set_rate(param, settings, factor);
  if (x264_encoder_reconfig(encoder_.get(), &param) != 0) {
    return fail(ErrorKind::kUnsupported, "libx264 can't change its rate: " + last_error_);
  }
  setup_.param = param;
  factor_ = factor;
  return {};
}

}  // namespace lumen::software
