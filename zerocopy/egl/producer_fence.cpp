#include "zerocopy/egl/producer_fence.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "capture/dmabuf_memory.h"
#include "platform/linux/unique_fd.h"
#include "zerocopy/acquire_point.h"

namespace lumen::egl {
namespace {

using Clock = std::chrono::steady_clock;

/// The fences that a reader must wait for, as one sync file. Empty: none.
Result<UniqueFd> export_write_fences(int dmabuf) {
  dma_buf_export_sync_file request{};
  request.flags = DMA_BUF_SYNC_READ;  // the caller's access: reading waits for writers
  int code = 0;
  do {
    code = ::ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &request) == 0 ? 0 : errno;
  } while (code == EINTR || code == EAGAIN);
  if (code == 0) return UniqueFd::take(request.fd);
  if (code == ENOTTY) return UniqueFd();
  const bool scarce = code == EMFILE || code == ENFILE || code == ENOMEM;
  return fail_errno(scarce ? ErrorKind::kRetry : ErrorKind::kFormatRejected,
                    "DMA_BUF_IOCTL_EXPORT_SYNC_FILE", code);
}

/// 0, ETIMEDOUT or errno.
int wait_for_fence(int sync_file, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd request{sync_file, POLLIN, 0};
    const int ready =
        ::poll(&request, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return 0;
    if (ready == 0) return ETIMEDOUT;
    if (errno != EINTR && errno != EAGAIN) return errno;
  }
}

}  // namespace

Result<void> wait_for_producer(const CapturedFrame& frame, const DmaBufImage& image,
                               std::chrono::milliseconds limit) {
  if (frame.acquire) return wait_until_acquired(frame, limit);
  const DmaBufMemory& memory = *image.memory;
  const Clock::time_point deadline = Clock::now() + limit;
  for (unsigned i = 0; i < memory.plane_count(); ++i) {
    const DmaBufMemory::Plane& plane = memory.plane(i);
    const bool waited =
        i > 0 && plane.inode == memory.plane(0).inode && plane.device == memory.plane(0).device;
    if (waited) continue;
    auto fence = export_write_fences(plane.fd.borrow());
    if (!fence) return tl::unexpected(std::move(fence.error()));
    if (!*fence) continue;
    if (const int code = wait_for_fence(fence->borrow(), deadline); code != 0) {
      return fail_errno(ErrorKind::kRetry, "the producer's GPU is not done with the picture", code);
    }
  }
  return {};
}

Result<void> queue_wait_for_producer(const Display& display, const CapturedFrame& frame,
                                     const DmaBufImage& image, std::chrono::milliseconds limit) {
  if (!frame.acquire || !display.waits_for_sync_files()) {
    return wait_for_producer(frame, image, limit);
  }
  auto fence = acquire_fence(frame, limit);
  if (!fence) return tl::unexpected(std::move(fence.error()));
  if (!*fence) return {};
  const std::array<EGLint, 3> attributes{EGL_SYNC_NATIVE_FENCE_FD_ANDROID, fence->borrow(),
                                         EGL_NONE};
  const EGLSyncKHR sync =
      display.create_sync(display.handle(), EGL_SYNC_NATIVE_FENCE_ANDROID, attributes.data());
  if (sync == EGL_NO_SYNC_KHR) return wait_until_acquired(frame, limit);
  static_cast<void>(fence->release());  // EGL's since the sync was made
  const bool queued = display.wait_sync(display.handle(), sync, 0) == EGL_TRUE;
  display.destroy_sync(display.handle(), sync);  // a wait that is queued stays
  return queued ? Result<void>() : wait_until_acquired(frame, limit);
}

}  // namespace lumen::egl
