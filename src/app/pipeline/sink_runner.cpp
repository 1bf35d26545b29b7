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
    if (frame.part == 0) overflowed = !begin_unit(frame);
    if (taking_) queue_.push_back(frame);
  }
  wake_.notify_one();
  if (overflowed) callbacks_.key_frame_needed();
}

// Nothing that is queued is lost: the gap begins with a whole access unit and ends at the next key
// frame.
bool SinkRunner::begin_unit(const EncodedFrame& first) {
  if (first.key) waiting_for_key_ = false;
  taking_ = !waiting_for_key_ && queued_units_ < kQueueFrames;
  if (taking_) {
    ++queued_units_;
    return true;
  }
  ++dropped_;
  return std::exchange(waiting_for_key_, true);
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
      queued_units_ -= frame->part == 0 ? 1 : 0;
    }
    if (!deliver(std::move(*frame), open)) return;
  }
  if (auto closed = sink_->close(); !closed) fail_with(std::move(closed.error()));
  const std::scoped_lock lock(mutex_);
  done_ = true;
}

bool SinkRunner::deliver(EncodedFrame frame, bool& open) {
  if (frame.part == 0) losing_ = false;
  if (losing_) return true;
  if (!sink_->takes_parts()) {
    auto whole = assembler_.add(std::move(frame));
    if (!whole) return true;
    frame = std::move(*whole);
  }
  auto done = write(frame, open);
  if (done) return true;
  if (done.error().kind == ErrorKind::kRetry) {
    losing_ = true;
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

// In the books an access unit is encoded when its first part is, and sent when its last part is.
Result<void> SinkRunner::write(const EncodedFrame& frame, bool& open) {
  if (!open) {
    if (auto opened = sink_->open(*frame.stream); !opened) return opened;
    open = true;
  }
  FrameTimes times = frame.times;
  if (auto written = sink_->write(frame, times); !written) return written;
  if (frame.part == 0) unit_times_ = times;
  unit_times_.mark(Stage::kSent, times[Stage::kSent]);
  if (!frame.last) return {};
  ledger_.add(name_, unit_times_);
  if (trace_ != nullptr) trace_->add_delivery(name_, unit_times_);
  return {};
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
