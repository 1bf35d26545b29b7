// A slot for one value where a newer value replaces an older one: capture → encode.
//
// put() never waits for the consumer: the mutex is held for one move, never for work, so that a
// real-time producer may call it. The displaced value is destroyed by the producer after the
// mutex is released, which gives a replaced frame's buffer back at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "core/time.h"

namespace lumen {

template <typename T>
class LatestSlot {
 public:
  enum class Wait { kReady, kTimeout, kInterrupted, kClosed };
  /// What has become of a value that a newer one displaced.
  enum class Displaced : bool {
    kLost,    // nobody will see it
    kMerged,  // what was in it goes on in the newer one
  };

  /// Any thread. Returns true if a value that nobody had taken was lost. `merge` is called with the
  /// new value and the older one, under the lock: what must not be lost with it.
  bool put(T value) {
    return put(std::move(value), [](T&, T&) { return Displaced::kLost; });
  }
  template <typename Merge>
  bool put(T value, Merge merge) {
    std::optional<T> displaced;
    bool lost = false;
    {
      const std::scoped_lock lock(mutex_);
      if (closed_) return false;
      lost = value_ && merge(value, *value_) == Displaced::kLost;
      displaced = std::exchange(value_, std::optional<T>(std::move(value)));
      if (lost) ++replaced_;
    }
    ready_.notify_one();
    return lost;
  }

  /// Waits until a value is there, somebody interrupts, the deadline passes or the slot is closed.
  /// Takes nothing.
  Wait wait_until(Timestamp deadline) {
    std::unique_lock lock(mutex_);
    ready_.wait_until(lock, deadline,
                      [this] { return closed_ || interrupted_ || value_.has_value(); });
    if (closed_) return Wait::kClosed;
    if (std::exchange(interrupted_, false)) return Wait::kInterrupted;
    return value_ ? Wait::kReady : Wait::kTimeout;
  }

  /// Ends one wait early, the current or the next: there is news of another kind.
  void interrupt() {
    {
      const std::scoped_lock lock(mutex_);
      interrupted_ = true;
    }
    ready_.notify_one();
  }

  std::optional<T> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }

  /// Wakes every waiter for good and drops what is in the slot.
  void close() {
    std::optional<T> dropped;
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
      dropped = std::exchange(value_, std::nullopt);
    }
    ready_.notify_all();
  }

  [[nodiscard]] std::uint64_t replaced() const {
    const std::scoped_lock lock(mutex_);
    return replaced_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::optional<T> value_;
  std::uint64_t replaced_ = 0;
  bool interrupted_ = false;
  bool closed_ = false;
};

}  // namespace lumen
