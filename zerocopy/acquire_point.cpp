#include "zerocopy/acquire_point.h"

#include <utility>

#include <poll.h>

#include "platform/linux/drm_syncobj.h"

namespace lumen {
namespace {

tl::unexpected<Error> not_there(Error error) {
  error.kind = ErrorKind::kRetry;
  return with_context("the producer's GPU is not done with the picture", std::move(error));
}

bool is_signalled(const UniqueFd& sync_file) {
  pollfd entry{.fd = sync_file.borrow(), .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

}  // namespace

Result<void> wait_until_acquired(const CapturedFrame& frame, std::chrono::milliseconds limit) {
  if (!frame.acquire) return {};
  auto waited = frame.acquire.timeline->wait(frame.acquire.point, now() + limit);
  if (!waited) return not_there(std::move(waited.error()));
  return {};
}

Result<UniqueFd> acquire_fence(const CapturedFrame& frame, std::chrono::milliseconds limit) {
  if (!frame.acquire) return UniqueFd();
  auto fence = frame.acquire.timeline->export_sync_file(frame.acquire.point, now() + limit);
  if (!fence) return not_there(std::move(fence.error()));
  if (is_signalled(*fence)) return UniqueFd();
  return fence;
}

}  // namespace lumen
