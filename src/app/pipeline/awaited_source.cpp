#include "app/pipeline/awaited_source.h"

#include <utility>

#include "capture/session/screen_cast.h"
#include "core/log.h"

namespace lumen {
AwaitedSource::AwaitedSource(Find find, Nanoseconds interval)
    : find_(std::move(find)), interval_(interval) {}

Result<void> AwaitedSource::start(const CaptureRequest& request, CaptureListener& listener) {
  {
    const std::scoped_lock lock(source_mutex_);
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
      // Not part of the reason, which viewers get to see.
      const std::string& hint = done.error().hint;
      if (!hint.empty()) log::area("capture").info("{}: {}", told, hint);
    }
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, stop, interval_, [] { return false; });
  }
}

Result<void> AwaitedSource::try_once() {
  auto found = source();  // of an earlier start()
  if (!found) {
    auto looked = find_();
    if (!looked) return tl::unexpected(std::move(looked.error()));
    found = std::move(*looked);
  }
  const std::scoped_lock source_lock(source_mutex_);
  {
    const std::scoped_lock lock(mutex_);
    source_ = found;
  }
  if (paused_) found->pause();
  auto started = found->start(request_, *listener_);
  started_ = started.has_value();
  if (!started_) {
    const std::scoped_lock lock(mutex_);
    source_.reset();
  }
  return started;
}

void AwaitedSource::renegotiate(std::vector<FormatOffer> offers) {
  const std::scoped_lock lock(source_mutex_);
  request_.offers = offers;
  if (started_) source()->renegotiate(std::move(offers));
}

void AwaitedSource::pause() {
  const std::scoped_lock lock(source_mutex_);
  paused_ = true;
  if (const auto found = source()) found->pause();
}

void AwaitedSource::resume() {
  const std::scoped_lock lock(source_mutex_);
  paused_ = false;
  if (const auto found = source()) found->resume();
}

void AwaitedSource::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  const std::scoped_lock lock(source_mutex_);
  if (std::exchange(started_, false)) source()->stop();
}

std::shared_ptr<CaptureSource> AwaitedSource::source() const {
  const std::scoped_lock lock(mutex_);
  return source_;
}

CaptureStats AwaitedSource::stats() const {
  const auto found = source();
  return found ? found->stats() : CaptureStats{};
}

std::string AwaitedSource::describe() const {
  const auto found = source();
  return found ? found->describe() : "whatever comes first";
}

bool AwaitedSource::has_indicator() const {
  const std::scoped_lock lock(mutex_);
  return source_ != nullptr && source_->has_indicator();
}

}  // namespace lumen
