// A sink on its own thread behind a bounded queue, so that a slow one costs its own frames only.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>

#include "app/status/event_log.h"
#include "core/ledger.h"
#include "core/moving_window.h"
#include "core/trace_writer.h"
#include "encode/access_unit_assembler.h"
#include "sink/sink.h"

namespace lumen {

class SinkRunner {
 public:
  struct Callbacks {
    /// The queue overflowed: what follows is useless until a key frame.
    std::function<void()> key_frame_needed;
    /// The sink ended with an error. Called once, on the sink's thread.
    std::function<void(const std::string& sink, const Error&)> failed;
    /// The sink began or ended, or failed. On the sink's thread.
    std::function<void(StreamEvent)> happened;
  };
  struct Status {
    std::string description;
    SinkStats stats;
    std::uint64_t dropped = 0;  // frames lost to the full queue or a passing fault
    std::optional<Error> error;
    std::string trouble;  // as Sink::trouble()
    bool done = false;    // closed, well or not
  };

  /// `trace` may be null. Ledger and trace must outlive the runner.
  SinkRunner(std::unique_ptr<Sink> sink, FrameLedger& ledger, TraceWriter* trace,
             Callbacks callbacks);
  SinkRunner(const SinkRunner&) = delete;
  ~SinkRunner();  // finishes

  /// Access units, whole or part by part; what is dropped is dropped whole. One thread at a time;
  /// never waits.
  void offer(const EncodedFrame& frame);
  /// What comes next refers to pictures that were not offered: it goes on with a key frame.
  void skip();
  /// Sound is coming: for sinks that must know before the first picture. Once, before offer().
  void expect_audio(const AudioParameters& audio);
  /// Sound goes between the pictures, whatever becomes of those; until the sink has its first
  /// picture there is nothing for it to go with. One thread at a time; never waits.
  void offer(const AudioPacket& packet);
  /// Sends what is queued, closes the sink and ends the thread. `reason` stands in the event. Any
  /// thread but the sink's own, several at once: who comes second waits as well.
  void finish(std::string_view reason = "finished");

  /// Any thread.
  void show_status(const std::string& json) { sink_->show_status(json); }
  [[nodiscard]] bool needs_periodic_key_frames() const {
    return sink_->needs_periodic_key_frames();
  }
  [[nodiscard]] bool takes_new_sizes() const { return sink_->takes_new_sizes(); }
  /// False of one that has ended, too.
  [[nodiscard]] bool wants_frames() const;
  [[nodiscard]] std::size_t viewers() const { return sink_->viewers(); }
  [[nodiscard]] bool shows_waiting_picture() const { return sink_->shows_waiting_picture(); }
  /// Access units that wait to be sent.
  [[nodiscard]] std::size_t backlog() const;
  [[nodiscard]] Status status() const;

 private:
  using Item = std::variant<AudioParameters, EncodedFrame, AudioPacket>;

  void run();
  bool begin_unit(const EncodedFrame& first);  // false: the queue is full
  // False: the sink has ended.
  bool deliver(EncodedFrame frame, bool& open);
  bool deliver(const AudioPacket& packet, const bool& open);
  bool deliver(const AudioParameters& audio, const bool& open);
  bool end_with(Error error);
  Result<void> write(const EncodedFrame& frame, bool& open);
  bool lost_too_much(Timestamp pts);
  void fail_with(Error error);
  void tell(EventKind kind, std::string reason, std::string text = {});

  std::unique_ptr<Sink> sink_;
  FrameLedger& ledger_;
  TraceWriter* trace_;
  Callbacks callbacks_;
  std::string name_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;
  std::size_t queued_units_ = 0;  // of which access units
  std::size_t queued_audio_ = 0;  // of which packets of sound
  bool waiting_for_key_ = true;
  bool taking_ = false;  // the access unit whose parts come now
  bool begun_ = false;   // had its first key frame: only from then on something can be lost
  bool finishing_ = false;
  std::string reason_ = "finished";  // of finishing
  std::uint64_t dropped_ = 0;
  std::optional<Error> error_;
  bool done_ = false;
  // The sink's thread only.
  AccessUnitAssembler assembler_;
  bool losing_ = false;    // the rest of an access unit, because a part was lost
  MovingWindow losses_;    // 1 for an access unit that was lost, 0 for one that was not
  FrameTimes unit_times_;  // of the access unit under way
  std::mutex joining_;
  std::thread thread_;
};

}  // namespace lumen
