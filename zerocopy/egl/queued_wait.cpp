#include "zerocopy/egl/queued_wait.h"

#include <array>
#include <utility>

#include "zerocopy/producer_fence.h"

namespace lumen::egl {

Result<void> queue_wait_for_producer(const Display& display, const CapturedFrame& frame,
                                     const DmaBufImage& image, std::chrono::milliseconds limit) {
  if (!display.waits_for_sync_files()) return wait_for_producer(frame, image, limit);
  auto fence = producer_fence(frame, image, limit);
  if (!fence) return tl::unexpected(std::move(fence.error()));
  if (!*fence) return {};
  const std::array<EGLint, 3> attributes{EGL_SYNC_NATIVE_FENCE_FD_ANDROID, fence->borrow(),
                                         EGL_NONE};
  const EGLSyncKHR sync =
      display.create_sync(display.handle(), EGL_SYNC_NATIVE_FENCE_ANDROID, attributes.data());
  if (sync == EGL_NO_SYNC_KHR) return wait_for_producer(frame, image, limit);
  static_cast<void>(fence->release());  // EGL's since the sync was made
  const bool queued = display.wait_sync(display.handle(), sync, 0) == EGL_TRUE;
  display.destroy_sync(display.handle(), sync);  // a wait that is queued stays
  return queued ? Result<void>() : wait_for_producer(frame, image, limit);
}

}  // namespace lumen::egl
