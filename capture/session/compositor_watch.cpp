#include "capture/session/compositor_watch.h"

#include <wayland-client.h>

namespace lumen::session {

std::unique_ptr<CompositorWatch> CompositorWatch::begin() {
  wl_display* const display = wl_display_connect(nullptr);
  if (display == nullptr) return nullptr;
  return std::unique_ptr<CompositorWatch>(new CompositorWatch(display));
}

CompositorWatch::~CompositorWatch() { wl_display_disconnect(display_); }

bool CompositorWatch::goes(const StopFd& stop, Nanoseconds patience) const {
  // A hang-up alone: what it has to say is of no interest.
  return stop.wait(wl_display_get_fd(display_), 0, now() + patience) == Readiness::kReadable;
}

}  // namespace lumen::session
