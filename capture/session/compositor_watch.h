// Whether the session's Wayland compositor has gone: a client of it that asks for nothing.
#pragma once

#include <memory>

#include "core/time.h"
#include "platform/linux/stop_fd.h"

struct wl_display;

namespace lumen::session {

/// One thread at a time.
class CompositorWatch {
 public:
  /// From now on; null where no compositor answers, or the session names none.
  static std::unique_ptr<CompositorWatch> begin();
  CompositorWatch(const CompositorWatch&) = delete;
  ~CompositorWatch();

  /// Whether it has gone, or goes within `patience`. A request to stop is no.
  [[nodiscard]] bool goes(const StopFd& stop, Nanoseconds patience) const;

 private:
  explicit CompositorWatch(wl_display* display) : display_(display) {}

  wl_display* display_;
};

}  // namespace lumen::session
