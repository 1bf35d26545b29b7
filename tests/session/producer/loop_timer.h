// A one-shot timer on a PipeWire loop, at an absolute time.
#pragma once

#include <functional>

#include <pipewire/pipewire.h>

#include "core/time.h"

namespace lumen::producer {

/// Loop thread only. The callback may arm the timer again.
class LoopTimer {
 public:
  LoopTimer(pw_loop* loop, std::function<void()> expired);
  LoopTimer(const LoopTimer&) = delete;
  ~LoopTimer();

  void arm(Timestamp when);
  void disarm();

 private:
  pw_loop* loop_;
  std::function<void()> expired_;
  spa_source* source_;  // null where the process ran out of descriptors: never expires
};

}  // namespace lumen::producer
