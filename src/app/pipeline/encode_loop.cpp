#include "app/pipeline/encode_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/log.h"
#include "zerocopy/frame_geometry.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

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
    cursor_.lose_gpu();
  });
  planner_->prefer_depth(asked_.bit_depth);
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
  cursor_.lose_gpu();
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
  Timestamp due_at = due(*taken);
  for (;;) {
    const Wait wait = slot_.wait_until(due_at);
    if (wait == Wait::kInterrupted) {
      news_ = true;  // for after this picture
      continue;
    }
    if (wait != Wait::kReady) break;
    if (auto newer = slot_.take()) {
      const bool brings_picture = newer->has_picture();
      paced += supersede(*newer, *taken) == LatestSlot<CapturedFrame>::Displaced::kLost ? 1 : 0;
      taken = std::move(newer);
      // The pointer's moves don't hold up a picture that waits for its time.
      if (!brings_picture && taken->has_picture()) continue;
    }
    due_at = due(*taken);
  }
  last_out_.frame = now();
  if (taken->has_picture()) last_out_.picture = last_out_.frame;
  pacer_.accept(last_out_.frame);
  frame = std::move(*taken);
  const std::scoped_lock lock(status_mutex_);
  status_.paced += paced;
  return Next::kFrame;
}

Timestamp EncodeLoop::due(const CapturedFrame& frame) {
  if (frame.has_picture()) return pacer_.due(now());
  const FrameRate rate = video_.rate.variable() ? FrameRate{60, 1} : video_.rate;
  return cursor_due(now(), frame_offset(rate, 1), last_out_);
}

Result<void> EncodeLoop::encode_captured(CapturedFrame captured) {
  const Timestamp begin = now();
  cursor_.show(captured.cursor);
  if (!captured.has_picture()) return encode_cursor(captured.times);
  if (!settings_.use_damage || std::exchange(missed_frames_, false)) captured.damage = Damage();
  damage_.captured(captured);
  if (vigil_.frame_came(captured.times[Stage::kDequeued])) {
    // Those who have not seen our pictures lack what later ones refer to.
    policy_.request(KeyFrameReason::kSourceReturned);
    damage_.forget();
    waiting_.reset();
  }
  if (auto fits = fit_encoder(captured); !fits) return fits;
  if (auto follows = follow_source(captured); !follows) return follows;
  if (auto adapted = adapt(Sizes::kFree); !adapted) return adapted;
  const auto visible = visible_part(captured);
  auto frame = planner_->import(std::move(captured));
  if (!frame) {
    missed_frames_ = true;  // the next one's damage counts from a picture that nobody has
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
  if (visible) cursor_.shows_part(*visible);
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
  const Timestamp done = now();
  const double rate = video_.rate.variable() ? 60 : video_.rate.value();
  const Nanoseconds interval{static_cast<std::int64_t>(1e9 / rate)};
  const Nanoseconds idle = idle_since_ == kNoTimestamp ? Nanoseconds{0} : begin - idle_since_;
  idle_since_ = done;
  adaptation_.add(done, {.encoder = encoder_pressure(done - begin, idle, interval),
                         .queue = callbacks_.backlog()});
  return encoded;
}

// Without a picture at hand it waits for the next one.
Result<void> EncodeLoop::encode_cursor(const FrameTimes& times) {
  if (!last_ || vigil_.showing() || vigil_.waits_for_new_picture(now())) return {};
  (void)vigil_.frame_came(times[Stage::kDequeued]);
  // The picture at hand has the size of now.
  if (auto adapted = adapt(Sizes::kFixed); !adapted) return adapted;
  Frame frame = *last_;
  frame.times = times;
  frame.times.mark(Stage::kConvertBegin);
  frame.times.mark(Stage::kConverted);
  last_id_ = times.id;
  return encode(frame);
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
  auto drawn = with_cursor(std::move(frame));
  if (!drawn) return tl::unexpected(std::move(drawn.error()));
  const auto decision = policy_.decide(pts);
  auto submitted = encoders_.encoder()->encode(*drawn, pts, decision.request);
  if (submitted) {
    damage_.encoded();
    cursor_.encoded();
    count_damage(*drawn);
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

// A picture without its cursor is better than none.
Result<Frame> EncodeLoop::with_cursor(Frame frame) {
  if (vigil_.showing()) {
    cursor_.forget();
    return frame;
  }
  auto painted = cursor_.paint(frame);
  if (painted || painted.error().kind == ErrorKind::kDeviceLost) return painted;
  log::area("encode").debug("no cursor: {}", painted.error().describe());
  cursor_.forget();
  frame.damage = Damage();
  return frame;
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
