#include "app/pipeline/sink_runner.h"

#include <utility>

#include "core/log.h"

namespace lumen {
namespace {

// Two seconds at 60 fps: rides out a disk's hiccup; longer would only make a late stream later.
constexpr std::size_t kQueueFrames = 120;
// Five seconds: more than the frames that may be queued last.
constexpr std::size_t kQueueAudio = 500;

// One miss is nothing. A sink that loses most of what it gets for so long is of no use to anyone.
constexpr Nanoseconds kLossWindow = std::chrono::seconds{10};
constexpr double kMostLosses = 0.5;

}  // namespace

SinkRunner::SinkRunner(std::unique_ptr<Sink> sink, FrameLedger& ledger, TraceWriter* trace,
                       Callbacks callbacks)
    : sink_(std::move(sink)),
      ledger_(ledger),
      trace_(trace),
      callbacks_(std::move(callbacks)),
      name_(sink_->describe()),
      losses_(kLossWindow),
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

void SinkRunner::skip() {
  const std::scoped_lock lock(mutex_);
  waiting_for_key_ = true;
  taking_ = false;
}

bool SinkRunner::wants_frames() const {
  {
    const std::scoped_lock lock(mutex_);
    if (error_ || done_) return false;
  }
  return sink_->wants_frames();
}

// Nothing that is queued is lost: the gap begins with a whole access unit and ends at the next key
// frame.
bool SinkRunner::begin_unit(const EncodedFrame& first) {
  if (first.key) {
    waiting_for_key_ = false;
    begun_ = true;
  }
  taking_ = !waiting_for_key_ && queued_units_ < kQueueFrames;
  if (taking_) {
    ++queued_units_;
    return true;
  }
  if (begun_) ++dropped_;
  return std::exchange(waiting_for_key_, true);
}

void SinkRunner::expect_audio(const AudioParameters& audio) {
  {
    const std::scoped_lock lock(mutex_);
    queue_.emplace_back(audio);
  }
  wake_.notify_one();
}

void SinkRunner::offer(const AudioPacket& packet) {
  {
    const std::scoped_lock lock(mutex_);
    if (error_ || finishing_ || queued_audio_ >= kQueueAudio) return;
    ++queued_audio_;
    queue_.emplace_back(packet);
  }
  wake_.notify_one();
}

void SinkRunner::finish(std::string_view reason) {
  {
    const std::scoped_lock lock(mutex_);
    if (!finishing_) reason_ = reason;
    finishing_ = true;
  }
  wake_.notify_one();
  const std::scoped_lock lock(joining_);
  if (thread_.joinable()) thread_.join();
}

std::size_t SinkRunner::backlog() const {
  const std::scoped_lock lock(mutex_);
  return queued_units_;
}

SinkRunner::Status SinkRunner::status() const {
  const std::scoped_lock lock(mutex_);
  return {name_, sink_->stats(), dropped_, error_, sink_->trouble(), done_};
}

void SinkRunner::run() {
  bool open = false;
  for (;;) {
    std::optional<Item> item;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return finishing_ || !queue_.empty(); });
      if (queue_.empty()) break;
      item = std::move(queue_.front());
      queue_.pop_front();
      if (const auto* frame = std::get_if<EncodedFrame>(&*item)) {
        queued_units_ -= frame->part == 0 ? 1 : 0;
      } else if (std::holds_alternative<AudioPacket>(*item)) {
        --queued_audio_;
      }
    }
    const bool goes_on =
        std::visit([&](auto& each) { return deliver(std::move(each), open); }, *item);
    if (!goes_on) return;
  }
  if (auto closed = sink_->close(); !closed) {
    fail_with(std::move(closed.error()));
  } else if (open) {
    tell(EventKind::kSenderStopped, reason_);
  }
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
  const Timestamp pts = frame.pts;
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
    if (!lost_too_much(pts)) return true;
    done.error().kind = ErrorKind::kIo;
    done = with_context("most frames of the last ten seconds were lost", std::move(done.error()));
  }
  return end_with(std::move(done.error()));
}

bool SinkRunner::deliver(const AudioParameters& audio, const bool& /*open*/) {
  sink_->expect_audio(audio);
  return true;
}

bool SinkRunner::deliver(const AudioPacket& packet, const bool& open) {
  if (!open) return true;
  auto done = sink_->write_audio(packet);
  if (done || done.error().kind == ErrorKind::kRetry) return true;
  return end_with(std::move(done.error()));
}

// Finishes what can be finished: what was recorded before stays playable.
bool SinkRunner::end_with(Error error) {
  (void)sink_->close();
  fail_with(std::move(error));
  return false;
}

// In the books an access unit is encoded when its first part is, and sent when its last part is.
Result<void> SinkRunner::write(const EncodedFrame& frame, bool& open) {
  if (!open) {
    if (auto opened = sink_->open(*frame.stream); !opened) return opened;
    open = true;
    tell(EventKind::kSenderStarted, "first_frame");
  }
  FrameTimes times = frame.times;
  if (auto written = sink_->write(frame, times); !written) return written;
  if (frame.part == 0) unit_times_ = times;
  unit_times_.mark(Stage::kSent, times[Stage::kSent]);
  if (!frame.last) return {};
  losses_.add(frame.pts, 0);
  ledger_.add(name_, unit_times_);
  if (trace_ != nullptr) trace_->add_delivery(name_, unit_times_);
  return {};
}

bool SinkRunner::lost_too_much(Timestamp pts) {
  losses_.add(pts, 1);
  return losses_.full() && losses_.average() > kMostLosses;
}

void SinkRunner::tell(EventKind kind, std::string reason, std::string text) {
  callbacks_.happened(
      {.kind = kind, .subject = name_, .reason = std::move(reason), .text = std::move(text)});
}

void SinkRunner::fail_with(Error error) {
  tell(EventKind::kTransportError, std::string(reason_code(error.kind)), error.describe());
  tell(EventKind::kSenderStopped, "failed");
  {
    const std::scoped_lock lock(mutex_);
    error_ = error;
    queue_.clear();
  }
  callbacks_.failed(name_, error);
}

}  // namespace lumen
