#include "capture/session/screen_cast_source.h"

#include <algorithm>
#include <utility>

#include "capture/pipewire/pipewire_source.h"
#include "core/log.h"

namespace lumen::session {
namespace {

std::unique_ptr<CaptureSource> capture_node(CastGrant grant) {
  return std::make_unique<pipewire::PipeWireSource>(
      pipewire::PipeWireSourceSettings{.node = std::move(grant.node),
                                       .remote = std::move(grant.remote),
                                       .gone = pipewire::GoneNode::kIsTheEnd});
}

void add(CaptureStats& sum, const CaptureStats& more) {
  sum.received += more.received;
  sum.superseded += more.superseded;
  sum.corrupted += more.corrupted;
  sum.empty += more.empty;
  sum.invalid += more.invalid;
  sum.leases_out += more.leases_out;
}

}  // namespace

ScreenCastSource::ScreenCastSource(std::unique_ptr<ScreenCast> cast,
                                   ScreenCastSourceSettings settings)
    : cast_(std::move(cast)), settings_(std::move(settings)) {}

Result<void> ScreenCastSource::start(const CaptureRequest& request, CaptureListener& listener) {
  request_ = request;
  listener_ = &listener;
  cast_->on_waiting([this](const std::string& what) { tell_lost(what); });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

void ScreenCastSource::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void ScreenCastSource::run(const std::stop_token& stop) {
  listener_->on_state(CaptureState::kConnecting, "");
  while (!stop.stop_requested()) {
    const Outcome outcome = run_cast(stop);
    if (outcome.next == Outcome::Next::kStopped) return;
    if (outcome.next == Outcome::Next::kGiveUp) {
      listener_->on_failure(outcome.error);
      return;
    }
    tell_lost(outcome.error.message, outcome.error.hint);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, next_delay(), [] { return false; });
  }
}

ScreenCastSource::Outcome ScreenCastSource::run_cast(const std::stop_token& stop) {
  std::uint64_t number = 0;
  {
    const std::scoped_lock lock(mutex_);
    number = ++cast_number_;
    ended_.reset();
    failure_.reset();
    formatted_ = false;
  }
  auto grant = cast_->open(stop, [this, number](const std::string& reason) {
    const std::scoped_lock lock(mutex_);
    if (number != cast_number_ || ended_) return;
    ended_ = reason;
    changed_.notify_all();
  });
  if (!grant) return refused(stop, std::move(grant.error()));
  granted_ = true;
  log::area("capture").debug("granted: {}, {}", grant->description,
                             pipewire::to_string(grant->node));
  Outcome outcome;
  if (auto started = start_capture(std::move(*grant)); started) {
    outcome = await_end(stop);
  } else {
    outcome.error = std::move(started.error());
  }
  retire_capture();
  cast_->end();
  if (stop.stop_requested()) outcome.next = Outcome::Next::kStopped;
  return outcome;
}

ScreenCastSource::Outcome ScreenCastSource::refused(const std::stop_token& stop,
                                                    Error error) const {
  using Next = Outcome::Next;
  if (stop.stop_requested()) return {Next::kStopped, {}};
  const bool hopeless =
      error.kind == ErrorKind::kUnsupported || error.kind == ErrorKind::kInvalidArgument;
  const bool awaited = settings_.absent == AbsentSource::kIsAwaited && !hopeless;
  // A compositor that was good once and starts again may for a while not have what it had.
  const bool again =
      is_passing(error) || (error.kind != ErrorKind::kCancelled && (granted_ || awaited));
  return {again ? Next::kAskAgain : Next::kGiveUp, std::move(error)};
}

ScreenCastSource::Outcome ScreenCastSource::await_end(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return ended_ || failure_; };
  // A compositor sends what it shows when a cast begins, and then what changes.
  if (!changed_.wait_for(lock, stop, settings_.first_frame_patience, over) &&
      !stop.stop_requested() && flow_ == Flow::kRunning && capture_->stats().received == 0) {
    log::area("capture").warn("{} was granted, but shows nothing{}", grant_,
                              formatted_ ? ""
                                         : ": no format is agreed on (is a session manager "
                                           "such as WirePlumber running?)");
  }
  changed_.wait(lock, stop, over);
  if (failure_) return {Outcome::Next::kGiveUp, *failure_};
  Outcome outcome;
  outcome.error.message = ended_.value_or("");
  return outcome;
}

Result<void> ScreenCastSource::start_capture(CastGrant grant) {
  const std::scoped_lock capture_lock(capture_mutex_);
  CaptureRequest request = request_;
  request.cursor = grant.cursor_beside ? CursorWish::kBeside : CursorWish::kIgnored;
  if (!grant.size_to_ask_for.empty()) {
    request.preferred_size = grant.size_to_ask_for;
    request.size_wish = SizeWish::kExactly;
  }
  request.max_rate = slower(request.max_rate, grant.most_to_ask_for);
  std::string description = grant.description;
  const bool cursor_beside = grant.cursor_beside;
  std::shared_ptr<CaptureSource> capture =
      settings_.capture ? settings_.capture(std::move(grant)) : capture_node(std::move(grant));
  {
    const std::scoped_lock lock(mutex_);
    capture_ = capture;
    grant_ = std::move(description);
    cursor_beside_ = cursor_beside;
  }
  if (flow_ == Flow::kPaused) capture->pause();
  return capture->start(request, *this);
}

void ScreenCastSource::retire_capture() {
  const std::scoped_lock capture_lock(capture_mutex_);
  capture_->stop();
  const std::scoped_lock lock(mutex_);
  if (capture_->stats().received > 0) attempts_ = 0;
  retired_.push_back(std::exchange(capture_, nullptr));
  std::erase_if(retired_, [this](const std::shared_ptr<CaptureSource>& retired) {
    const CaptureStats stats = retired->stats();
    if (stats.leases_out == 0) add(before_, stats);
    return stats.leases_out == 0;
  });
}

void ScreenCastSource::tell_lost(const std::string& reason, const std::string& hint) {
  {
    const std::scoped_lock lock(mutex_);
    if (lost_ && told_ == reason) return;
    lost_ = true;
    told_ = reason;
  }
  listener_->on_state(CaptureState::kLost, reason);
  // Not part of the reason, which viewers get to see.
  if (!hint.empty()) log::area("capture").info("{}: {}", reason, hint);
}

Nanoseconds ScreenCastSource::next_delay() {
  // At once where a cast that worked has ended.
  if (attempts_++ == 0) return Nanoseconds::zero();
  const unsigned doublings = std::min(attempts_ - 2, 10U);
  return std::min(settings_.first_delay * (1U << doublings), settings_.longest_delay);
}

void ScreenCastSource::on_frame(CapturedFrame frame) {
  frame.times.id = frame_id_.fetch_add(1) + 1;
  listener_->on_frame(std::move(frame));
}

void ScreenCastSource::on_format(const CaptureFormat& format) {
  bool pointer_lost = false;
  {
    const std::scoped_lock lock(mutex_);
    formatted_ = true;
    pointer_lost = cursor_beside_ && !format.cursor_beside;
  }
  if (pointer_lost) {
    log::area("capture").warn(
        "{} does not say where the pointer is, and has it not in the picture: --cursor embedded",
        describe());
  }
  listener_->on_format(format);
}

void ScreenCastSource::on_state(CaptureState state, const std::string& reason) {
  {
    const std::scoped_lock lock(mutex_);
    if (state == CaptureState::kLost || state == CaptureState::kEnded) {
      // The cast's own reason says more, where it came first.
      if (!ended_) ended_ = reason;
      changed_.notify_all();
      return;
    }
    if (state == CaptureState::kStreaming) {
      if (std::exchange(lost_, false) && streamed_) reconnects_.fetch_add(1);
      streamed_ = true;
    } else if (lost_) {
      return;  // on its way back
    }
  }
  listener_->on_state(state, reason);
}

void ScreenCastSource::on_failure(Error error) {
  const std::scoped_lock lock(mutex_);
  failure_ = std::move(error);
  changed_.notify_all();
}

void ScreenCastSource::renegotiate(std::vector<FormatOffer> offers) {
  const std::scoped_lock capture_lock(capture_mutex_);
  request_.offers = offers;
  std::shared_ptr<CaptureSource> capture;
  {
    const std::scoped_lock lock(mutex_);
    capture = capture_;
  }
  if (capture) capture->renegotiate(std::move(offers));
}

void ScreenCastSource::set_flow(Flow flow) {
  const std::scoped_lock capture_lock(capture_mutex_);
  flow_ = flow;
  std::shared_ptr<CaptureSource> capture;
  {
    const std::scoped_lock lock(mutex_);
    capture = capture_;
  }
  if (!capture) return;
  flow == Flow::kPaused ? capture->pause() : capture->resume();
}

CaptureStats ScreenCastSource::stats() const {
  const std::scoped_lock lock(mutex_);
  CaptureStats sum = before_;
  for (const auto& retired : retired_) add(sum, retired->stats());
  if (capture_) add(sum, capture_->stats());
  sum.reconnects = reconnects_.load();
  return sum;
}

std::string ScreenCastSource::describe() const {
  const std::scoped_lock lock(mutex_);
  return grant_.empty() ? cast_->describe() : grant_;
}

}  // namespace lumen::session
