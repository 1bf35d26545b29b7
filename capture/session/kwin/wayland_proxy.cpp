#include "capture/session/kwin/wayland_proxy.h"

#include <kde-output-order-v1.h>
#include <plasma-window-management.h>
#include <wayland-client.h>
#include <zkde-screencast-unstable-v1.h>

namespace lumen::kwin {

void ProxyDeleter::operator()(wl_callback* callback) const { wl_callback_destroy(callback); }
void ProxyDeleter::operator()(wl_display* display) const {
  wl_display_flush(display);
  wl_display_disconnect(display);
}
void ProxyDeleter::operator()(wl_output* output) const {
  if (wl_output_get_version(output) >= WL_OUTPUT_RELEASE_SINCE_VERSION) {
    wl_output_release(output);
  } else {
    wl_output_destroy(output);
  }
}
void ProxyDeleter::operator()(wl_registry* registry) const { wl_registry_destroy(registry); }
void ProxyDeleter::operator()(kde_output_order_v1* order) const {
  kde_output_order_v1_destroy(order);
}
void ProxyDeleter::operator()(org_kde_plasma_window* window) const {
  org_kde_plasma_window_destroy(window);
}
void ProxyDeleter::operator()(org_kde_plasma_window_management* management) const {
  org_kde_plasma_window_management_destroy(management);
}
void ProxyDeleter::operator()(zkde_screencast_stream_unstable_v1* stream) const {
  zkde_screencast_stream_unstable_v1_close(stream);
}
void ProxyDeleter::operator()(zkde_screencast_unstable_v1* screencast) const {
  zkde_screencast_unstable_v1_destroy(screencast);
}

}  // namespace lumen::kwin
