#include "zerocopy/vulkan/sync_file.h"

#include <cerrno>

#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>

namespace lumen::vulkan {

Result<UniqueFd> pending_writes(int dmabuf) {
  dma_buf_export_sync_file request{.flags = DMA_BUF_SYNC_READ, .fd = -1};
  int status = 0;
  do {
    status = ::ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &request);
  } while (status != 0 && (errno == EINTR || errno == EAGAIN));
  if (status != 0) {
    if (errno == ENOTTY || errno == EINVAL || errno == ENOSYS) return UniqueFd();
    return fail_errno(ErrorKind::kRetry, "can't get the dmabuf's fences", errno);
  }
  auto sync_file = UniqueFd::take(request.fd);
  if (wait_for(sync_file, std::chrono::milliseconds(0))) return UniqueFd();
  return sync_file;
}

bool wait_for(const UniqueFd& sync_file, std::chrono::milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd entry{.fd = sync_file.borrow(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

}  // namespace lumen::vulkan
