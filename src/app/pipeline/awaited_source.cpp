#include "app/pipeline/awaited_source.h"

#include <utility>

#include "capture/session/screen_cast.h"

namespace lumen {
AwaitedSource::AwaitedSource(Find find, Nanoseconds interval)
    : find_(std::move(find)), interval_(interval) {}

Result<void> AwaitedSource::start(const CaptureRequest& request, CaptureListener& listener) {
  {
    const std::scoped_lock lock(mutex_);
    request_ = request;
  }
  listener_ = &listener;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  return {};
}

void AwaitedSource::run(const std::stop_token& stop) {
  std::string told;
  while (!stop.stop_requested()) {
    const auto done = try_once();
    if (done) return;
    if (!session::is_passing(done.error())) {
      listener_->on_failure(done.error());
      return;
    }
    if (told != done.error().message) {
      told = done.error().message;
      listener_->on_state(CaptureState::kLost, told);
    }
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, stop, interval_, [] { return false; });
  }
}

Result<void> AwaitedSource::try_once() {
  std::unique_ptr<CaptureSource> source;
  {
    const std::scoped_lock lock(mutex_);
    source = std::exchange(source_, nullptr);  // of an earlier start()
  }
  if (!source) {
    auto found = find_();
    if (!found) return tl::unexpected(std::move(found.error()));
    source = std::move(*found);
  }
  const std::scoped_lock lock(mutex_);
  if (paused_) source->pause();
  auto started = source->start(request_, *listener_);
  if (!started) return started;
  source_ = std::move(source);
  started_ = true;
  return {};
}

void AwaitedSource::renegotiate(std::vector<FormatOffer> offers) {
  const std::scoped_lock lock(mutex_);
  request_.offers = offers;
  if (started_) source_->renegotiate(std::move(offers));
}

void AwaitedSource::pause() {
  const std::scoped_lock lock(mutex_);
  paused_ = true;
  if (source_) source_->pause();
}

void AwaitedSource::resume() {
  const std::scoped_lock lock(mutex_);
  paused_ = false;
  if (source_) source_->resume();
}

void AwaitedSource::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  CaptureSource* source = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (std::exchange(started_, false)) source = source_.get();
  }
  if (source != nullptr) source->stop();
}

CaptureStats AwaitedSource::stats() const {
  const std::scoped_lock lock(mutex_);
  return source_ ? source_->stats() : CaptureStats{};
}

std::string AwaitedSource::describe() const {
  const std::scoped_lock lock(mutex_);
  return source_ ? source_->describe() : "whatever comes first";
}

}  // namespace lumen
