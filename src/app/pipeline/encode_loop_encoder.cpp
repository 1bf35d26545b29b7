// What the encode loop does about its encoder: opens it for the size, depth and colours of the
// source, adapts and changes it, and replaces one that fails.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "app/pipeline/depth_choice.h"
#include "app/pipeline/encode_loop.h"
#include "core/log.h"
#include "zerocopy/frame_color.h"

namespace lumen {
namespace {

Extent even(Extent size) { return {(size.width + 1) & ~1U, (size.height + 1) & ~1U}; }

// In percent; smaller changes are not worth the encoder's trouble. Where they take a new encoder
// and its key frame, more is only worth it when it is much more; too much for the way never is.
constexpr std::uint64_t kRateStep = 3;
constexpr std::uint64_t kStepUpOfNewEncoder = 25;

bool is_other_rate(std::uint64_t wanted, std::uint64_t current, bool in_place) {
  const bool up = wanted > current;
  const std::uint64_t change = up ? wanted - current : current - wanted;
  return change * 100 > current * (up && !in_place ? kStepUpOfNewEncoder : kRateStep);
}

// Whether the same encoder can go from one to the other: other bit rate and size are what
// reconfigure() is for.
bool in_place(const EncoderSettings& before, const EncoderSettings& wanted) {
  return wanted.codec == before.codec && wanted.profile == before.profile &&
         wanted.constant_qp == before.constant_qp && wanted.vbv_frames == before.vbv_frames &&
         wanted.preset == before.preset;
}

}  // namespace

// The stream keeps the size that it began with; later pictures of other sizes are scaled into it.
Result<void> EncodeLoop::prepare_encoder() {
  if (encoders_.encoder() != nullptr || vigil_.resting()) return {};
  EncoderSettings video = settings_.video;
  {
    const std::scoped_lock lock(status_mutex_);
    if (!format_) return {};
    video.size = settings_.size.value_or(even(format_->size));
    video.rate = slower(video.rate, format_->rate.variable() ? format_->max_rate : format_->rate);
    video.color = stream_color(format_->format, format_->color, video.color);
    video.bit_depth = stream_depth(asked_, format_->format);
  }
  return open(video);
}

// The format does not tell the visible part of a picture (a window in a larger buffer): where the
// first frame shows it to be another, the encoder is opened again before it has made anything.
Result<void> EncodeLoop::fit_encoder(const CapturedFrame& frame) {
  EncoderSettings video = opened_for_waiting_ ? asked_ : settings_.video;
  {
    const std::scoped_lock lock(status_mutex_);
    if (status_.first_frame != kNoTimestamp) return {};
    status_.first_frame = now();
    if (opened_for_waiting_ && format_) {
      video.rate = slower(video.rate, format_->rate.variable() ? format_->max_rate : format_->rate);
    }
  }
  opened_for_waiting_ = false;
  source_look_ = look_of(frame);
  video.size = settings_.size.value_or(even(frame.crop.size));
  video.color = stream_color(frame.format, frame.color, video.color);
  video.bit_depth = stream_depth(asked_, frame.format);
  if (encoders_.encoder() != nullptr && video.size == settings_.video.size &&
      video.color == settings_.video.color && video.rate == settings_.video.rate &&
      video.bit_depth == settings_.video.bit_depth) {
    return {};
  }
  encoders_.close();
  return open(video);
}

// A source may change its colours and depth: the user switches HDR on, or another codec has made
// the stream ask for pictures of another kind. The stream goes with it, since its description says
// how to show them.
Result<void> EncodeLoop::follow_source(const CapturedFrame& frame) {
  const SourceLook look = look_of(frame);
  if (encoders_.encoder() == nullptr || std::exchange(source_look_, look) == look) return {};
  EncoderSettings video = settings_.video;
  video.color = stream_color(frame.format, frame.color, asked_.color);
  video.bit_depth = stream_depth(asked_, frame.format);
  if (video.color == settings_.video.color && video.bit_depth == settings_.video.bit_depth) {
    return {};
  }
  log::area("encode").info("the source now has {} bits, {}", bit_depth(frame.format),
                           describe(frame.color));
  if (auto flushed = encoders_.encoder()->flush(); !flushed) {
    log::area("encode").debug("{}: {}", encoders_.backend(), flushed.error().describe());
  }
  encoders_.close();
  policy_.request(KeyFrameReason::kEncoderReplaced);
  last_.reset();
  return open(video);
}

Result<void> EncodeLoop::open(const EncoderSettings& full) {
  settings_.video = full;
  adaptation_.set_full({.size = full.size,
                        .rate = full.rate,
                        .bitrate_bps = full.constant_qp ? 0 : full.bitrate_bps});
  const StreamShape shape = adaptation_.decide(now());
  video_ = full;
  video_.max_size = full.size;
  video_.size = shape.size;
  video_.rate = shape.rate;
  if (shape.bitrate_bps != 0) video_.bitrate_bps = shape.bitrate_bps;
  auto opened = encoders_.open(video_, {.gpu = planner_->gpu()});
  show_encoders();
  if (!opened) return opened;
  policy_.set_encoder(encoders_.encoder()->capabilities(), video_.refresh_frames);
  return use_encoder();
}

// What the import routes are to make for the encoder as it is now.
Result<void> EncodeLoop::use_encoder() {
  damage_.forget();
  waiting_.reset();
  const EncoderInput input = encoders_.encoder()->input();
  target_ = {.size = video_.size,
             .format = input.format,
             .converted = input.converted,
             .memory = input.memory,
             .in_place = input.in_place,
             .color = video_.color};
  auto configured = planner_->configure(target_);
  show_route();
  tell_hdr(bit_depth(input.format));
  // What the source would have to be narrowed to is better made by the source.
  if (asked_.depth_is_wish && video_.bit_depth == 10 && bit_depth(input.format) == 8) {
    const auto offered = planner_->offers();
    planner_->prefer_depth(8);
    if (planner_->offers() != offered) callbacks_.renegotiate(planner_->offers());
  }
  return configured;
}

void EncodeLoop::tell_hdr(unsigned bits) {
  std::string warning = hdr_warning(video_.color, bits, video_.codec);
  if (warning == std::exchange(hdr_warning_, warning) || warning.empty()) return;
  log::area("encode").warn("{}", warning);
}

// Without a new encoder where the one there is can change what has to change.
Result<void> EncodeLoop::adapt(Sizes sizes) {
  const StreamShape shape = adaptation_.decide(now());
  EncoderChange change;
  const bool in_place =
      encoders_.encoder() != nullptr && encoders_.encoder()->capabilities().change_bitrate;
  if (shape.bitrate_bps != 0 && shape.bitrate_bps != video_.bitrate_bps &&
      ((in_place && shape.bitrate_bps == settings_.video.bitrate_bps) ||
       is_other_rate(shape.bitrate_bps, video_.bitrate_bps, in_place))) {
    change.bitrate_bps = shape.bitrate_bps;
  }
  if (!(shape.rate == video_.rate)) change.rate = shape.rate;
  if (sizes == Sizes::kFree && shape.size != video_.size) change.size = shape.size;
  if (encoders_.encoder() == nullptr || (!change.bitrate_bps && !change.rate && !change.size)) {
    return {};
  }
  auto done = encoders_.encoder()->reconfigure(change);
  if (!done && done.error().kind != ErrorKind::kUnsupported) {
    // encode() finds out what that means for the encoder.
    log::area("encode").debug("{}: {}", encoders_.backend(), done.error().describe());
    return {};
  }
  if (change.rate) pacer_ = FramePacer(*change.rate);
  if (!done) {
    if (sizes == Sizes::kFixed) return {};  // a new encoder may want pictures of another kind
    encoders_.close();
    policy_.request(KeyFrameReason::kEncoderReplaced);
    last_.reset();
    done = open(settings_.video);
  } else {
    video_ = changed(video_, change);
    show_encoders();
    if (change.size) {
      policy_.request(KeyFrameReason::kEncoderReplaced);  // the encoder makes one by itself
      last_.reset();  // of another size: not to be repeated, should the next import fail
      done = use_encoder();
    }
  }
  tell_level();
  return done;
}

Result<void> EncodeLoop::apply(const EncodeChange& change,
                               const std::function<void()>& before_first) {
  EncoderSettings asked = change.video;
  asked.rate = asked_.rate;
  asked.color = asked_.color;
  asked_ = std::move(asked);
  const auto offered = planner_->offers();
  if (change.video.codec != settings_.video.codec || asked_.bit_depth == 8) {
    planner_->prefer_depth(asked_.bit_depth);
  }
  const bool other_offers = planner_->offers() != offered;
  const EncoderSettings& before = settings_.video;
  EncoderSettings wanted = change.video;
  wanted.rate = before.rate;
  wanted.color = before.color;
  wanted.size = change.size.value_or(before.size);
  {
    const std::scoped_lock lock(status_mutex_);
    wanted.bit_depth = before.bit_depth;
    if (format_ && wanted.codec != before.codec) {
      wanted.bit_depth = stream_depth(asked_, format_->format);
    }
  }
  adaptation_.configure(change.adaptation);
  if (encoders_.encoder() == nullptr) {  // it will be opened as it is wanted
    settings_.video = wanted;
    if (change.size) settings_.size = change.size;
    if (before_first) before_first();
    if (other_offers) callbacks_.renegotiate(planner_->offers());
    return {};
  }
  if (in_place(before, wanted) && !before_first) {
    settings_.video = wanted;
    if (change.size) settings_.size = change.size;
    adaptation_.set_full({.size = wanted.size,
                          .rate = wanted.rate,
                          .bitrate_bps = wanted.constant_qp ? 0 : wanted.bitrate_bps});
    const Extent size = video_.size;
    auto adapted = adapt(Sizes::kFree);
    if (!adapted) end_error_ = adapted.error();
    if (video_.size != size || other_offers) {
      callbacks_.renegotiate(planner_->offers());  // for a new picture
    }
    return adapted;
  }
  if (auto flushed = encoders_.encoder()->flush(); !flushed) {
    log::area("encode").debug("{}: {}", encoders_.backend(), flushed.error().describe());
  }
  encoders_.close();
  auto opened = reopen(wanted);
  if (opened && change.size) settings_.size = change.size;
  if (opened && before_first) before_first();
  return opened;
}

// Or as it was.
Result<void> EncodeLoop::reopen(const EncoderSettings& wanted) {
  const EncoderSettings before = settings_.video;
  policy_.request(KeyFrameReason::kEncoderReplaced);
  last_.reset();
  auto opened = open(wanted);
  if (!opened) {
    if (auto restored = open(before); !restored) end_error_ = restored.error();
  }
  callbacks_.renegotiate(planner_->offers());  // the source then sends its picture again
  return opened;
}

void EncodeLoop::tell_level() {
  const AdaptationStatus status = adaptation_.status();
  if (status.level == told_level_) return;
  callbacks_.happened(
      {.kind = EventKind::kAdapted,
       .subject = "stream",
       .reason = std::string(
           to_string(status.level > told_level_ ? status.cause : AdaptationCause::kNone)),
       .text = status.level == 0
                   ? fmt::format("{} again", describe(status.shape))
                   : fmt::format("{} (level {})", describe(status.shape), status.level)});
  told_level_ = status.level;
}

void EncodeLoop::show_encoders() {
  const std::scoped_lock lock(status_mutex_);
  status_.encoders = encoders_.steps();
  if (encoders_.encoder() == nullptr) return;
  status_.stream = encoders_.encoder()->stream();
  status_.bit_depth = bit_depth(encoders_.encoder()->input().format);
  status_.color = video_.color;
}

// What was inside the encoder is lost. The picture that it died of is not, where that is possible:
// the screen may stay as it is for long.
Result<void> EncodeLoop::replace_encoder(Error cause, Frame frame) {
  std::optional<Frame> kept(std::move(frame));
  for (;;) {
    if (cause.kind == ErrorKind::kInvalidArgument) return tl::unexpected(std::move(cause));
    const std::string before = encoders_.backend();
    const std::string reason(reason_code(cause.kind));
    callbacks_.happened({.kind = EventKind::kEncodeError,
                         .subject = before,
                         .reason = reason,
                         .text = cause.describe()});
    auto failed = encoders_.failed(cause, now());
    show_encoders();
    if (!failed) return failed;
    callbacks_.happened(
        {.kind = EventKind::kFallbackTriggered, .subject = before, .reason = reason});
    if (!gpu_usable(*planner_->gpu())) {
      kept.reset();
      last_.reset();
    }
    if (auto recovered = planner_->recover_gpu(); !recovered) return recovered;
    policy_.request(KeyFrameReason::kEncoderReplaced);
    if (auto opened = open(settings_.video); !opened) return opened;
    callbacks_.happened({.kind = EventKind::kFallbackCompleted,
                         .subject = encoders_.backend(),
                         .reason = encoders_.backend() == before ? "opened_again" : "replaced",
                         .text = encoders_.backend() == before ? "" : "in place of " + before});
    if (kept) kept = as_input(std::move(*kept));
    if (!vigil_.showing()) last_ = kept;
    if (!kept) {
      {
        const std::scoped_lock lock(status_mutex_);
        ++status_.skipped;
      }
      callbacks_.renegotiate(planner_->offers());  // the source then sends its picture again
      return {};
    }
    auto submitted = submit(*kept);
    if (submitted) return {};
    cause = std::move(submitted.error());
  }
}

// A frame that was made for another encoder; none where this one can't read it.
std::optional<Frame> EncodeLoop::as_input(Frame frame) const {
  const EncoderInput input = encoders_.encoder()->input();
  if (const auto* buffer = std::get_if<CudaBuffer>(&frame.payload)) {
    if (buffer->format != input.format) return std::nullopt;
    if (input.memory == FrameMemory::kCuda) return frame;
    auto image = read_back(*buffer, frame.size);
    if (!image) return std::nullopt;
    frame.payload = std::move(*image);
    return frame;
  }
  if (const auto* image = std::get_if<CpuImage>(&frame.payload)) {
    const Fourcc wanted = is_packed_rgb(input.format) ? input.converted : input.format;
    return image->format == wanted ? std::optional(std::move(frame)) : std::nullopt;
  }
  return input.in_place ? std::optional(std::move(frame)) : std::nullopt;
}

}  // namespace lumen
