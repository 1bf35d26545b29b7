// The one GPU that all routes of a stream share: found when the first of them asks, given up and
// found anew when it was lost.
#pragma once

#include <memory>
#include <optional>

#include "core/error.h"
#include "zerocopy/cuda/context.h"

namespace lumen::cuda {

/// One thread.
class Gpu {
 public:
  /// Loads the driver and opens the GPU on the first call; the answer, good or bad, is kept.
  /// Among several GPUs the first with a DRM node is taken: only such a one can drive a desktop.
  Result<std::shared_ptr<const Context>> context();

  /// The context died (suspend, reset, a crashed kernel): the next context() opens a new one. Drop
  /// everything made with the old one first.
  void lose() {
    context_.reset();
    was_lost_ = true;
  }
  [[nodiscard]] bool was_lost() const { return was_lost_; }

  /// Cheap. False: it was opened, and its context has died since. Any thread that does not call the
  /// others meanwhile.
  [[nodiscard]] bool usable() const;

 private:
  std::optional<Result<std::shared_ptr<const Context>>> context_;
  bool was_lost_ = false;
};

/// Cheap: is libcuda there and of use? Starts nothing.
Result<void> check_driver();

}  // namespace lumen::cuda
