#include "app/pipeline/encode_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "core/log.h"
#include "zerocopy/frame_color.h"
#include "zerocopy/importer_registry.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

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

FrameRate slower(FrameRate a, FrameRate b) {
  if (a.variable()) return b;
  if (b.variable()) return a;
  return a.value() <= b.value() ? a : b;
}

}  // namespace

EncodeLoop::EncodeLoop(EncodeLoopSettings settings, LatestSlot<CapturedFrame>& slot,
                       RepairPolicy& policy, Adaptation& adaptation, TraceWriter* trace,
                       Callbacks callbacks)
    : settings_(std::move(settings)),
      asked_(settings_.video),
      slot_(slot),
      policy_(policy),
      adaptation_(adaptation),
      trace_(trace),
      callbacks_(std::move(callbacks)),
      pacer_(settings_.video.rate),
      encoders_(settings_.encoder, [this](EncodedFrame frame) { on_encoded(std::move(frame)); }),
      vigil_({}, now()),
      missing_("there is no picture yet") {}

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
    calls_.close();
    offers.set_value(tl::unexpected(std::move(planner.error())));
    return;
  }
  planner_ = std::move(*planner);
  planner_->on_gpu_lost([this] {
    encoders_.close();
    last_.reset();
  });
  show_route();
  offers.set_value(planner_->offers());

  std::optional<Error> error;
  if (auto worked = work(); !worked) error = std::move(worked.error());
  if (VideoEncoder* const encoder = encoders_.encoder()) {
    if (auto flushed = encoder->flush(); !flushed && !error) error = std::move(flushed.error());
  }
  calls_.close();
  last_.reset();
  waiting_.reset();
  encoders_.close();
  planner_.reset();  // on the thread that the GPU's contexts belong to
  callbacks_.finished(std::move(error));
}

Result<void> EncodeLoop::work() {
  vigil_ = Vigil({}, now());
  if (auto begun = heed_news(); !begun) return begun;
  while (!limit_reached()) {
    alive_at_ = now();
    calls_.run();
    if (end_error_) return tl::unexpected(*std::move(end_error_));
    CapturedFrame captured;
    Result<void> done;
    switch (wait_for_frame(captured)) {
      case Next::kClosed: return {};
      case Next::kNothing: continue;
      case Next::kNews: done = heed_news(); break;
      case Next::kFrame: done = encode_captured(std::move(captured)); break;
      case Next::kRepeat: done = encode_repeat(); break;
      case Next::kWaiting: done = encode_waiting(); break;
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
  if (std::exchange(news_, false)) return Next::kNews;
  switch (slot_.wait_until(vigil_.next(last_ ? Vigil::Last::kThere : Vigil::Last::kNone))) {
    case Wait::kClosed: return Next::kClosed;
    case Wait::kTimeout: return pass_time();
    case Wait::kInterrupted: return Next::kNews;
    case Wait::kReady: break;
  }
  auto taken = slot_.take();
  // What was on its way, or is of a source that can't be paused.
  if (vigil_.resting()) return Next::kNothing;
  std::uint64_t paced = 0;
  Timestamp due = pacer_.due(now());
  for (;;) {
    const Wait wait = slot_.wait_until(due);
    if (wait == Wait::kInterrupted) {
      news_ = true;  // for after this picture
      continue;
    }
    if (wait != Wait::kReady) break;
    if (auto newer = slot_.take()) {
      inherit_damage(*newer, *taken);
      taken = std::move(newer);
      ++paced;
    }
    due = pacer_.due(now());
  }
  pacer_.accept(now());
  frame = std::move(*taken);
  const std::scoped_lock lock(status_mutex_);
  status_.paced += paced;
  return Next::kFrame;
}

Result<void> EncodeLoop::encode_captured(CapturedFrame captured) {
  const Timestamp begin = now();
  if (!settings_.use_damage || std::exchange(missed_frames_, false)) captured.damage = Damage();
  damage_.captured(captured);
  if (vigil_.frame_came(captured.times[Stage::kDequeued])) {
    // Those who have not seen our pictures lack what later ones refer to.
    policy_.request(KeyFrameReason::kSourceReturned);
    damage_.forget();
    waiting_.reset();
  }
  if (auto fits = fit_encoder(captured); !fits) return fits;
  if (auto adapted = adapt(Sizes::kFree); !adapted) return adapted;
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
  if (planner_->route() != shown_route_) {
    if (!shown_route_.empty()) {
      callbacks_.happened({.kind = EventKind::kFallbackCompleted,
                           .subject = std::string(planner_->route()),
                           .reason = "import_route",
                           .text = "in place of " + shown_route_});
    }
    show_route();
    damage_.forget();  // two routes need not agree to the bit
  }
  {
    const std::scoped_lock lock(status_mutex_);
    status_.pool = planner_->pool();
  }
  auto encoded = encode(*frame);
  const double interval = 1e9 / (video_.rate.variable() ? 60 : video_.rate.value());
  adaptation_.add(now(), {.encoder = static_cast<double>((now() - begin).count()) / interval,
                          .queue = callbacks_.backlog()});
  return encoded;
}

void EncodeLoop::show_route() {
  shown_route_ = planner_->route();
  const std::scoped_lock lock(status_mutex_);
  status_.route = shown_route_;
  status_.importers = planner_->ladder();
}

Result<void> EncodeLoop::encode_repeat() {
  // The picture at hand has the size of now.
  if (auto adapted = adapt(Sizes::kFixed); !adapted) return adapted;
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
  if (encoders_.encoder() != nullptr || vigil_.resting()) return {};
  EncoderSettings video = settings_.video;
  {
    const std::scoped_lock lock(status_mutex_);
    if (!format_) return {};
    video.size = settings_.size.value_or(even(format_->size));
    video.rate = slower(video.rate, format_->rate.variable() ? format_->max_rate : format_->rate);
    video.color = stream_color(format_->format, format_->color, video.color);
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
  video.size = settings_.size.value_or(even(frame.crop.size));
  video.color = stream_color(frame.format, frame.color, video.color);
  if (encoders_.encoder() != nullptr && video.size == settings_.video.size &&
      video.color == settings_.video.color && video.rate == settings_.video.rate) {
    return {};
  }
  encoders_.close();
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
  return configured;
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

Result<void> EncodeLoop::change(EncodeChange change, std::function<void()> before_first) {
  auto done = calls_.post([this, &change, &before_first] { return apply(change, before_first); });
  slot_.interrupt();
  return done.get();
}

void EncodeLoop::forget_picture() {
  auto done = calls_.post([this]() -> Result<void> {
    last_.reset();
    damage_.forget();
    return {};
  });
  slot_.interrupt();
  (void)done.get();
}

Result<void> EncodeLoop::apply(const EncodeChange& change,
                               const std::function<void()>& before_first) {
  EncoderSettings asked = change.video;
  asked.rate = asked_.rate;
  asked.color = asked_.color;
  asked_ = std::move(asked);
  const EncoderSettings& before = settings_.video;
  EncoderSettings wanted = change.video;
  wanted.rate = before.rate;
  wanted.color = before.color;
  wanted.size = change.size.value_or(before.size);
  adaptation_.configure(change.adaptation);
  if (encoders_.encoder() == nullptr) {  // it will be opened as it is wanted
    settings_.video = wanted;
    if (change.size) settings_.size = change.size;
    if (before_first) before_first();
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
    if (video_.size != size) callbacks_.renegotiate(planner_->offers());  // for a new picture
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
  callbacks_.happened({.kind = EventKind::kAdapted,
                       .subject = "stream",
                       .reason = std::string(to_string(
                           status.level > told_level_ ? status.cause : AdaptationCause::kNone)),
                       .text = fmt::format("{} (level {})", describe(status.shape), status.level)});
  told_level_ = status.level;
}

void EncodeLoop::show_encoders() {
  const std::scoped_lock lock(status_mutex_);
  status_.encoders = encoders_.steps();
  if (encoders_.encoder() != nullptr) status_.stream = encoders_.encoder()->stream();
}

Result<void> EncodeLoop::encode(Frame frame) {
  if (encoders_.encoder() == nullptr) {  // the GPU was lost and with it the encoder
    policy_.request(KeyFrameReason::kEncoderReplaced);
    if (auto opened = open(settings_.video); !opened) return opened;
  }
  auto submitted = submit(frame);
  if (submitted) return submitted;
  return replace_encoder(submitted.error(), std::move(frame));
}

Result<void> EncodeLoop::submit(Frame frame) {
  Timestamp pts = frame.times[Stage::kProduced];
  if (last_pts_ != kNoTimestamp) pts = std::max(pts, last_pts_ + 1us);
  last_pts_ = pts;
  vigil_.encoded(now());
  if (vigil_.showing()) {
    const std::scoped_lock lock(status_mutex_);
    of_host_.push_back(pts);
  }
  frame.damage = damage_.of_frame(frame.size);
  const auto decision = policy_.decide(pts);
  auto submitted = encoders_.encoder()->encode(frame, pts, decision.request);
  if (submitted) {
    damage_.encoded();
    count_damage(frame);
    return submitted;
  }
  if (submitted.error().kind != ErrorKind::kRetry) return submitted;
  log::area("encode").debug("{}: {}", encoders_.backend(), submitted.error().describe());
  if (decision.request.repair != EncodeRequest::Repair::kNone) {
    policy_.request(KeyFrameReason::kEncoderReplaced);  // what was asked of this frame
  }
  const std::scoped_lock lock(status_mutex_);
  ++status_.skipped;
  return {};
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

void EncodeLoop::count_damage(const Frame& frame) {
  if (!frame.damage.known()) return;
  const double share = changed_share(frame.damage, frame.size);
  const std::scoped_lock lock(status_mutex_);
  ++status_.damage_known;
  status_.damage_share +=
      (share - status_.damage_share) / static_cast<double>(status_.damage_known);
}

void EncodeLoop::on_encoded(EncodedFrame frame) {
  const std::size_t bytes = frame.data.view().size();
  unit_bytes_ = frame.part == 0 ? bytes : unit_bytes_ + bytes;
  PictureOrigin origin = PictureOrigin::kSession;
  {
    const std::scoped_lock lock(status_mutex_);
    while (!of_host_.empty() && of_host_.front() < frame.pts) of_host_.pop_front();
    if (!of_host_.empty() && of_host_.front() == frame.pts) origin = PictureOrigin::kHost;
    status_.frames += frame.last && origin == PictureOrigin::kSession ? 1 : 0;
    status_.key_frames += frame.last && frame.key ? 1 : 0;
    status_.bytes += bytes;
  }
  if (trace_ != nullptr && frame.last) trace_->add_picture(frame.times, unit_bytes_);
  callbacks_.encoded(frame, origin);
}

}  // namespace lumen
