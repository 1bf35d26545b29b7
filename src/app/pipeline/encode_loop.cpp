#include "app/pipeline/encode_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

// A still screen sends nothing. Repeating the picture this often lets a late receiver get its key
// frame within two seconds and keeps players from running dry, for a few skipped macroblocks' bits.
constexpr auto kStillInterval = 500ms;

Extent even(Extent size) { return {(size.width + 1) & ~1U, (size.height + 1) & ~1U}; }

FrameRate slower(FrameRate a, FrameRate b) {
  if (a.variable()) return b;
  if (b.variable()) return a;
  return a.value() <= b.value() ? a : b;
}

bool is_yuv(Fourcc format) { return format == Fourcc::kNV12 || format == Fourcc::kI420; }

}  // namespace

EncodeLoop::EncodeLoop(EncodeLoopSettings settings, LatestSlot<CapturedFrame>& slot,
                       KeyFramePolicy& policy, TraceWriter* trace, Callbacks callbacks)
    : settings_(std::move(settings)),
      slot_(slot),
      policy_(policy),
      trace_(trace),
      callbacks_(std::move(callbacks)),
      pacer_(settings_.video.rate) {}

EncodeLoop::~EncodeLoop() { join(); }

Result<std::vector<FormatOffer>> EncodeLoop::start() {
  std::promise<Offers> offers;
  std::future<Offers> planned = offers.get_future();
  thread_ = std::thread([this, offers = std::move(offers)]() mutable { run(std::move(offers)); });
  return planned.get();
}

void EncodeLoop::join() {
  if (thread_.joinable()) thread_.join();
}

void EncodeLoop::set_format(const CaptureFormat& format) {
  {
    const std::scoped_lock lock(status_mutex_);
    format_ = format;
  }
  slot_.interrupt();
}

EncodeStatus EncodeLoop::status() const {
  const std::scoped_lock lock(status_mutex_);
  return status_;
}

// EGL and CUDA contexts belong to the thread that made them: everything about import happens here.
void EncodeLoop::run(std::promise<Offers> offers) {
  auto planner = Planner::create(settings_.zerocopy);
  if (!planner) {
    offers.set_value(tl::unexpected(std::move(planner.error())));
    return;
  }
  planner_ = std::move(*planner);
  show_route();
  offers.set_value(planner_->offers());

  std::optional<Error> error;
  if (auto worked = work(); !worked) error = std::move(worked.error());
  if (encoder_) {
    if (auto flushed = encoder_->flush(); !flushed && !error) error = std::move(flushed.error());
  }
  last_.reset();
  encoder_.reset();
  planner_.reset();  // on the thread that the GPU's contexts belong to
  callbacks_.finished(std::move(error));
}

Result<void> EncodeLoop::work() {
  while (!limit_reached()) {
    CapturedFrame captured;
    Result<void> done;
    switch (wait_for_frame(captured)) {
      case Next::kClosed: return {};
      case Next::kNothing: continue;
      case Next::kFormat: done = prepare_encoder(); break;
      case Next::kFrame: done = encode_captured(std::move(captured)); break;
      case Next::kRepeat: done = encode_repeat(); break;
    }
    if (!done) return done;
  }
  return {};
}

bool EncodeLoop::limit_reached() const {
  if (settings_.frame_limit == 0) return false;
  const std::scoped_lock lock(status_mutex_);
  return status_.frames >= settings_.frame_limit;
}

EncodeLoop::Next EncodeLoop::wait_for_frame(CapturedFrame& frame) {
  using Wait = LatestSlot<CapturedFrame>::Wait;
  const Timestamp still_until = last_ ? last_encoded_at_ + kStillInterval : now() + 1h;
  switch (slot_.wait_until(still_until)) {
    case Wait::kClosed: return Next::kClosed;
    case Wait::kTimeout: return last_ ? Next::kRepeat : Next::kNothing;
    case Wait::kInterrupted: return Next::kFormat;
    case Wait::kReady: break;
  }
  auto taken = slot_.take();
  std::uint64_t paced = 0;
  while (slot_.wait_until(pacer_.due(now())) == Wait::kReady) {
    if (auto newer = slot_.take()) {
      taken = std::move(newer);
      ++paced;
    }
  }
  pacer_.accept(now());
  frame = std::move(*taken);
  const std::scoped_lock lock(status_mutex_);
  status_.paced += paced;
  return Next::kFrame;
}

Result<void> EncodeLoop::encode_captured(CapturedFrame captured) {
  if (auto fits = fit_encoder(captured); !fits) return fits;
  auto frame = planner_->import(std::move(captured));
  if (!frame) {
    show_route();
    {
      const std::scoped_lock lock(status_mutex_);
      ++status_.skipped;
    }
    switch (frame.error().kind) {
      case ErrorKind::kRetry: return {};
      case ErrorKind::kFormatRejected: callbacks_.renegotiate(planner_->offers()); return {};
      default: return tl::unexpected(std::move(frame.error()));
    }
  }
  last_id_ = frame->times.id;
  last_ = *frame;
  if (planner_->route() != shown_route_) show_route();
  {
    const std::scoped_lock lock(status_mutex_);
    status_.pool = planner_->pool();
  }
  return encode(*frame);
}

void EncodeLoop::show_route() {
  shown_route_ = planner_->route();
  const std::scoped_lock lock(status_mutex_);
  status_.route = shown_route_;
  status_.importers = planner_->ladder();
}

Result<void> EncodeLoop::encode_repeat() {
  Frame frame = *last_;
  frame.times = {};
  frame.times.id = last_id_;
  frame.times.mark(Stage::kProduced);
  {
    const std::scoped_lock lock(status_mutex_);
    ++status_.repeated;
  }
  return encode(frame);
}

// The stream keeps the size that it began with; later pictures of other sizes are scaled into it.
Result<void> EncodeLoop::prepare_encoder() {
  if (encoder_) return {};
  EncoderSettings video = settings_.video;
  {
    const std::scoped_lock lock(status_mutex_);
    if (!format_) return {};
    video.size = settings_.size.value_or(even(format_->size));
    video.rate = slower(video.rate, format_->rate.variable() ? format_->max_rate : format_->rate);
  }
  return open(video);
}

// The format does not tell the visible part of a picture (a window in a larger buffer), nor the
// colours of YUV: where the first frame shows them to be others, the encoder is opened again before
// it has made anything.
Result<void> EncodeLoop::fit_encoder(const CapturedFrame& frame) {
  EncoderSettings video = settings_.video;
  {
    const std::scoped_lock lock(status_mutex_);
    if (status_.first_frame != kNoTimestamp) return {};
    status_.first_frame = now();
  }
  video.size = settings_.size.value_or(even(frame.crop.size));
  if (is_yuv(frame.format)) video.color = frame.color;
  if (encoder_ && video.size == settings_.video.size && video.color == settings_.video.color) {
    return {};
  }
  encoder_.reset();
  return open(video);
}

Result<void> EncodeLoop::open(EncoderSettings video) {
  Ladder failed;
  {
    const std::scoped_lock lock(status_mutex_);
    failed = status_.encoders;
    std::erase_if(failed, [](const LadderStep& step) { return step.taken; });
  }
  auto opened = open_encoder(
      settings_.encoder, video, {}, [this](EncodedFrame frame) { on_encoded(std::move(frame)); },
      std::move(failed));
  if (!opened) return tl::unexpected(std::move(opened.error()));
  encoder_ = std::move(opened->encoder);
  backend_ = opened->backend;
  settings_.video = video;
  for (const LadderStep& step : opened->ladder) {
    if (step.taken) {
      log::area("encode").info("{} ({}), {} {}x{}, {:.1f} Mb/s", step.reason, step.name,
                               to_string(video.codec), video.size.width, video.size.height,
                               static_cast<double>(video.bitrate_bps) / 1e6);
    } else {
      log::area("encode").info("not {}: {}", step.name, step.reason);
    }
  }
  {
    const std::scoped_lock lock(status_mutex_);
    status_.encoders = opened->ladder;
    status_.stream = encoder_->stream();
  }
  auto configured = planner_->configure(
      {.size = video.size, .format = encoder_->input().format, .color = video.color});
  show_route();
  return configured;
}

Result<void> EncodeLoop::encode(const Frame& frame) {
  Timestamp pts = frame.times[Stage::kProduced];
  if (last_pts_ != kNoTimestamp) pts = std::max(pts, last_pts_ + 1us);
  last_pts_ = pts;
  const auto key = policy_.decide(pts);
  last_encoded_at_ = now();
  auto encoded = encoder_->encode(frame, pts, EncodeRequest::key_frame(key.has_value()));
  return encoded ? Result<void>{} : replace_encoder(std::move(encoded.error()));
}

// The frame that the encoder died of is lost; the next one begins the new encoder's stream.
Result<void> EncodeLoop::replace_encoder(Error cause) {
  if (settings_.encoder != "auto" || cause.kind == ErrorKind::kInvalidArgument) {
    return tl::unexpected(std::move(cause));
  }
  log::area("encode").warn("{} failed: {}; stepping down", backend_, cause.describe());
  encoder_.reset();
  last_.reset();
  {
    const std::scoped_lock lock(status_mutex_);
    for (LadderStep& step : status_.encoders) {
      if (step.taken) step = {step.name, false, "failed while streaming: " + cause.message};
    }
    ++status_.skipped;
  }
  policy_.request(KeyFrameReason::kEncoderReplaced);
  return open(settings_.video);
}

void EncodeLoop::on_encoded(EncodedFrame frame) {
  {
    const std::scoped_lock lock(status_mutex_);
    ++status_.frames;
    status_.key_frames += frame.key ? 1 : 0;
    status_.bytes += frame.data.view().size();
  }
  if (trace_ != nullptr) trace_->add_picture(frame.times, frame.data.view().size());
  callbacks_.encoded(frame);
}

}  // namespace lumen
