// Streams and the work queued on them. By default nothing runs until something waits for it: a
// missing synchronization then shows every time, not once in a while. Work that nobody waits for
// runs after a while all the same, as on a GPU, so that buffers come back.
//
// All functions are called with the simulator's mutex held by `lock`; those that run work let go of
// it while a host function runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "handle_table.h"

namespace lumen::sim {

using Lock = std::unique_lock<std::mutex>;
using Clock = std::chrono::steady_clock;

enum class Mode {
  kLazy,       // when somebody waits, or after the idle time
  kImmediate,  // at submission (host functions soon after, on a thread of the stand-in)
  kThread,     // on a thread of the stand-in, as soon as it gets there
  kReversed,   // as lazy, and whoever waits first runs the other streams, the newest first
};

struct Stream;

struct Op {
  std::function<void()> work;           // with the mutex held
  std::function<void()> host_function;  // without
  std::shared_ptr<Stream> after;        // not before this stream has reached
  std::uint64_t after_mark = 0;         // this mark
  std::vector<std::shared_ptr<const void>> uses;

  std::uint64_t mark = 0;  // set by submit()
  Clock::time_point since;
};

struct Stream : Owned {
  bool waits_for_legacy = true;  // false: CU_STREAM_NON_BLOCKING
  bool legacy = false;           // the default stream of its context
  std::uint64_t submitted = 0;   // mark of the newest operation
  std::uint64_t completed = 0;   // mark up to which all is done
  bool busy = false;             // an operation is being run
  std::deque<Op> queue;
  std::vector<std::shared_ptr<const void>> in_use;  // by the operation being run

  [[nodiscard]] bool idle() const { return completed >= submitted; }
  [[nodiscard]] bool uses(const void* object) const;
};

struct Event : Owned {
  std::shared_ptr<Stream> stream;  // null: never recorded, counts as complete
  std::uint64_t mark = 0;
  [[nodiscard]] bool complete() const { return stream == nullptr || stream->completed >= mark; }
};

class Streams {
 public:
  /// LUMEN_SIM_CUDA_MODE and LUMEN_SIM_CUDA_IDLE_MS (20) give the start values.
  explicit Streams(std::mutex& mutex);
  ~Streams() { stop(); }
  /// Ends the stand-in's own thread; from then on work runs only for those who wait. Not locked.
  void stop();

  static constexpr std::chrono::milliseconds kIdle{20};

  [[nodiscard]] bool set_mode(std::string_view name);
  void set_idle(std::chrono::milliseconds idle) { idle_ = idle; }
  void configure_from_environment();

  std::shared_ptr<Stream> add(CUcontext context, bool legacy, bool waits_for_legacy);
  void submit(Lock& lock, const std::shared_ptr<Stream>& stream, Op op);

  /// Runs the stream's operations up to `mark`, and what they wait for. `stream` is the caller's
  /// own reference.
  void run(Lock& lock, const std::shared_ptr<Stream>& stream, std::uint64_t mark);
  /// The same for somebody who waits for it: in Mode::kReversed other streams go first.
  void synchronize(Lock& lock, std::shared_ptr<Stream> stream, std::uint64_t mark);
  /// Runs one operation, so that polling ends.
  void progress(Lock& lock, std::shared_ptr<Stream> stream);

  /// Streams with unfinished work that uses `object`.
  [[nodiscard]] std::vector<std::shared_ptr<Stream>> users_of(const void* object) const;
  void finish_users_of(Lock& lock, const void* object);

  void run_all(Lock& lock, CUcontext context);
  /// The context died: what is queued never runs.
  void abandon(CUcontext context);
  /// A stream that was destroyed goes once its work is done.
  void forget_finished();
  void forget(CUcontext context);

  /// True on a thread that is inside a host function.
  static bool in_host_function();

 private:
  void step(Lock& lock, Stream& stream);
  void drain();

  std::mutex& mutex_;
  std::condition_variable changed_;
  std::condition_variable submitted_;
  Mode mode_ = Mode::kLazy;
  std::chrono::milliseconds idle_{kIdle};
  std::vector<std::shared_ptr<Stream>> streams_;
  bool stop_ = false;
  std::thread drain_;  // last: uses the rest
};

}  // namespace lumen::sim
