// Calls that other threads want done on a thread which owns things that only it may touch.
#pragma once

#include <functional>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

#include "core/error.h"

namespace lumen {

class ThreadCalls {
 public:
  using Work = std::function<Result<void>()>;

  /// Any thread but the owner's. The future always gets a value: kCancelled where the owner has
  /// ended. Whoever calls wakes the owner.
  std::future<Result<void>> post(Work work) {
    Call call{.work = std::move(work)};
    auto answer = call.done.get_future();
    const std::scoped_lock lock(mutex_);
    if (closed_) {
      call.done.set_value(ended());
    } else {
      calls_.push_back(std::move(call));
    }
    return answer;
  }

  /// The owner's thread: does what has been asked for, in order.
  void run() {
    for (Call& call : take(Then::kGoOn)) call.done.set_value(call.work());
  }

  /// The owner's thread, at its end: nothing more is done.
  void close() {
    for (Call& call : take(Then::kClose)) call.done.set_value(ended());
  }

 private:
  struct Call {
    Work work;
    std::promise<Result<void>> done;
  };

  enum class Then { kGoOn, kClose };

  static Result<void> ended() { return fail(ErrorKind::kCancelled, "the stream has ended"); }

  std::vector<Call> take(Then then) {
    const std::scoped_lock lock(mutex_);
    closed_ = closed_ || then == Then::kClose;
    return std::exchange(calls_, {});
  }

  std::mutex mutex_;
  std::vector<Call> calls_;
  bool closed_ = false;
};

}  // namespace lumen
