// Gives a producer's buffer back when the GPU has finished reading it, and never before.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "capture/captured_frame.h"
#include "core/error.h"
#include "zerocopy/cuda/context.h"

namespace lumen::cuda {

/// Leases that wait for the stream. One thread calls; the leases are dropped on CUDA's callback
/// thread (a lease may be dropped anywhere and never blocks).
class StreamRelease {
 public:
  explicit StreamRelease(std::shared_ptr<const Context> context);
  StreamRelease(const StreamRelease&) = delete;
  /// Waits for the stream; what is left after that (a lost context runs no callbacks) is dropped.
  ~StreamRelease();

  /// Drops the lease when all work queued on the stream so far is done. Always takes it: where the
  /// driver refuses the callback, it waits here and drops it. The context must be current.
  void after_queued_work(BufferLease lease);

  /// Leases that the GPU still holds.
  [[nodiscard]] unsigned pending() const;

 private:
  struct Slot {
    BufferLease lease;
    std::atomic<bool> busy{false};
  };
  // More than any producer has buffers.
  static constexpr std::size_t kSlots = 32;

  std::shared_ptr<const Context> context_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace lumen::cuda
