#include "zerocopy/cuda/stream_release.h"

#include <algorithm>
#include <utility>

namespace lumen::cuda {

StreamRelease::StreamRelease(std::shared_ptr<const Context> context)
    : context_(std::move(context)) {}

StreamRelease::~StreamRelease() {
  if (pending() == 0) return;
  if (auto current = context_->make_current()) (void)context_->synchronize();
}

void StreamRelease::after_queued_work(BufferLease lease) {
  if (!lease) return;
  const auto free = std::ranges::find_if(
      slots_, [](const Slot& slot) { return !slot.busy.load(std::memory_order_acquire); });
  if (free == slots_.end()) {
    (void)context_->synchronize();
    return;
  }
  free->lease = std::move(lease);
  free->busy.store(true, std::memory_order_release);
  const auto done = [](void* user_data) {
    Slot& slot = *static_cast<Slot*>(user_data);
    slot.lease.drop();
    slot.busy.store(false, std::memory_order_release);
  };
  const Driver& cuda = context_->driver();
  if (cuda.cuLaunchHostFunc(context_->stream(), done, &*free) == CUDA_SUCCESS) return;
  (void)context_->synchronize();
  done(&*free);
}

unsigned StreamRelease::pending() const {
  return static_cast<unsigned>(std::ranges::count_if(
      slots_, [](const Slot& slot) { return slot.busy.load(std::memory_order_acquire); }));
}

}  // namespace lumen::cuda
