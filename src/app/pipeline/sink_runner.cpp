#include "app/pipeline/sink_runner.h"

#include <utility>

#include "core/log.h"

namespace lumen {
namespace {

// Two seconds at 60 fps: rides out a disk's hiccup; longer would only make a late stream later.
constexpr std::size_t kQueueFrames = 120;

}  // namespace

SinkRunner::SinkRunner(std::unique_ptr<Sink> sink, FrameLedger& ledger, TraceWriter* trace,
                       Callbacks callbacks)
    : sink_(std::move(sink)),
      ledger_(ledger),
      trace_(trace),
      callbacks_(std::move(callbacks)),
      name_(sink_->describe()),
      thread_([this] { run(); }) {}

SinkRunner::~SinkRunner() { finish(); }

void SinkRunner::offer(const EncodedFrame& frame) {
  bool overflowed = false;
  {
    const std::scoped_lock lock(mutex_);
    if (error_ || finishing_) return;
    if (frame.key) waiting_for_key_ = false;
    if (waiting_for_key_) {
      ++dropped_;
      return;
    }
    if (queue_.size() >= kQueueFrames) {
      // Nothing that is queued is lost; the gap begins here and ends at the next key frame.
      overflowed = true;
      waiting_for_key_ = true;
      ++dropped_;
    } else {
      queue_.push_back(frame);
    }
  }
  wake_.notify_one();
  if (overflowed) callbacks_.key_frame_needed();
}

void SinkRunner::finish() {
  {
    const std::scoped_lock lock(mutex_);
    finishing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

SinkRunner::Status SinkRunner::status() const {
  const std::scoped_lock lock(mutex_);
  return {name_, sink_->stats(), dropped_, error_, done_};
}

void SinkRunner::run() {
  bool open = false;
  for (;;) {
    std::optional<EncodedFrame> frame;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return finishing_ || !queue_.empty(); });
      if (queue_.empty()) break;
      frame = std::move(queue_.front());
      queue_.pop_front();
    }
    if (!deliver(*frame, open)) return;
  }
  if (auto closed = sink_->close(); !closed) fail_with(std::move(closed.error()));
  const std::scoped_lock lock(mutex_);
  done_ = true;
}

bool SinkRunner::deliver(const EncodedFrame& frame, bool& open) {
  Result<void> done;
  if (!open) done = sink_->open(*frame.stream);
  FrameTimes times = frame.times;
  if (done) {
    open = true;
    done = sink_->write(frame, times);
  }
  if (done) {
    ledger_.add(name_, times);
    if (trace_ != nullptr) trace_->add_delivery(name_, times);
    return true;
  }
  if (done.error().kind == ErrorKind::kRetry) {
    {
      const std::scoped_lock lock(mutex_);
      ++dropped_;
      waiting_for_key_ = true;  // the lost frame was a reference
    }
    callbacks_.key_frame_needed();
    return true;
  }
  // Finish what can be finished: what was recorded before stays playable.
  (void)sink_->close();
  fail_with(std::move(done.error()));
  return false;
}

void SinkRunner::fail_with(Error error) {
  {
    const std::scoped_lock lock(mutex_);
    error_ = error;
    queue_.clear();
  }
  callbacks_.failed(name_, error);
}

}  // namespace lumen
