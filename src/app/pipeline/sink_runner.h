// A sink on its own thread behind a bounded queue, so that a slow one costs its own frames only.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/ledger.h"
#include "core/trace_writer.h"
#include "sink/sink.h"

namespace lumen {

class SinkRunner {
 public:
  struct Callbacks {
    /// The queue overflowed: what follows is useless until a key frame.
    std::function<void()> key_frame_needed;
    /// The sink ended with an error. Called once, on the sink's thread.
    std::function<void(const std::string& sink, const Error&)> failed;
  };
  struct Status {
    std::string description;
    SinkStats stats;
    std::uint64_t dropped = 0;  // frames lost to the full queue or a passing fault
    std::optional<Error> error;
    bool done = false;  // closed, well or not
  };

  /// `trace` may be null. Ledger and trace must outlive the runner.
  SinkRunner(std::unique_ptr<Sink> sink, FrameLedger& ledger, TraceWriter* trace,
             Callbacks callbacks);
  SinkRunner(const SinkRunner&) = delete;
  ~SinkRunner();  // finishes

  /// Encode thread; never waits.
  void offer(const EncodedFrame& frame);
  /// Sends what is queued, closes the sink and ends the thread.
  void finish();

  [[nodiscard]] bool needs_periodic_key_frames() const {
    return sink_->needs_periodic_key_frames();
  }
  [[nodiscard]] Status status() const;

 private:
  void run();
  bool deliver(const EncodedFrame& frame, bool& open);  // false: the sink has ended
  void fail_with(Error error);

  std::unique_ptr<Sink> sink_;
  FrameLedger& ledger_;
  TraceWriter* trace_;
  Callbacks callbacks_;
  std::string name_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<EncodedFrame> queue_;
  bool waiting_for_key_ = true;
  bool finishing_ = false;
  std::uint64_t dropped_ = 0;
  std::optional<Error> error_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace lumen
