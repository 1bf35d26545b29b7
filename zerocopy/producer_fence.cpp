#include "zerocopy/producer_fence.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "capture/dmabuf_memory.h"
#include "core/log.h"
#include "platform/linux/drm_syncobj.h"

namespace lumen {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kNotDone = "the producer's GPU is not done with the picture";

tl::unexpected<Error> not_there(Error error) {
  error.kind = ErrorKind::kRetry;
  return with_context(kNotDone, std::move(error));
}

/// The fences that a reader must wait for, as one sync_file. Empty: none.
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

std::chrono::milliseconds left_until(Clock::time_point deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
}

/// Those of the planes from `first` on that are not in plane 0's file, too.
Result<void> wait_for_planes(const DmaBufMemory& memory, unsigned first,
                             Clock::time_point deadline) {
  for (unsigned i = first; i < memory.plane_count(); ++i) {
    const DmaBufMemory::Plane& plane = memory.plane(i);
    const bool known =
        i > 0 && plane.inode == memory.plane(0).inode && plane.device == memory.plane(0).device;
    if (known) continue;
    auto fence = export_write_fences(plane.fd.borrow());
    if (!fence) return tl::unexpected(std::move(fence.error()));
    if (*fence && !wait_for(*fence, left_until(deadline))) {
      return fail(ErrorKind::kRetry, kNotDone);
    }
  }
  return {};
}

Result<UniqueFd> acquire_fence(const CapturedFrame& frame, std::chrono::milliseconds limit) {
  auto fence = frame.acquire.timeline->export_sync_file(frame.acquire.point, now() + limit);
  if (!fence) return not_there(std::move(fence.error()));
  return fence;
}

Result<UniqueFd> write_fence(const DmaBufMemory& memory, std::chrono::milliseconds limit) {
  if (auto waited = wait_for_planes(memory, 1, Clock::now() + limit); !waited) {
    return tl::unexpected(std::move(waited.error()));
  }
  return export_write_fences(memory.plane(0).fd.borrow());
}

}  // namespace

Result<void> wait_until_acquired(const CapturedFrame& frame, std::chrono::milliseconds limit) {
  if (!frame.acquire) return {};
  auto waited = frame.acquire.timeline->wait(frame.acquire.point, now() + limit);
  if (!waited) return not_there(std::move(waited.error()));
  return {};
}

Result<void> wait_for_producer(const CapturedFrame& frame, const DmaBufImage& image,
                               std::chrono::milliseconds limit) {
  if (frame.acquire) return wait_until_acquired(frame, limit);
  return wait_for_planes(*image.memory, 0, Clock::now() + limit);
}

Result<UniqueFd> producer_fence(const CapturedFrame& frame, const DmaBufImage& image,
                                std::chrono::milliseconds limit) {
  auto fence = frame.acquire ? acquire_fence(frame, limit) : write_fence(*image.memory, limit);
  if (fence && *fence && wait_for(*fence, std::chrono::milliseconds(0))) return UniqueFd();
  return fence;
}

bool wait_for(const UniqueFd& sync_file, std::chrono::milliseconds limit) {
  const Clock::time_point deadline = Clock::now() + limit;
  for (;;) {
    pollfd entry{.fd = sync_file.borrow(), .events = POLLIN, .revents = 0};
    const auto left = std::max<std::int64_t>(left_until(deadline).count(), 0);
    const int ready = ::poll(&entry, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR && errno != EAGAIN) return false;
  }
}

void AcquireNotice::frame_came(const CapturedFrame& frame, std::string_view who) {
  if (!frame.acquire || std::exchange(said_, true)) return;
  log::area("zerocopy").info("explicit sync: {} waits until a picture is drawn", who);
}

}  // namespace lumen
