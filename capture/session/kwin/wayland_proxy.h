// Owners for the Wayland objects that KWin's casts need.
#pragma once

#include <memory>

struct wl_callback;
struct wl_display;
struct wl_output;
struct wl_registry;
struct kde_output_order_v1;
struct org_kde_plasma_window;
struct org_kde_plasma_window_management;
struct zkde_screencast_stream_unstable_v1;
struct zkde_screencast_unstable_v1;

namespace lumen::kwin {

struct ProxyDeleter {
  void operator()(wl_callback* callback) const;
  void operator()(wl_display* display) const;  // sends what is still waiting, and disconnects
  void operator()(wl_output* output) const;
  void operator()(wl_registry* registry) const;
  void operator()(kde_output_order_v1* order) const;
  void operator()(org_kde_plasma_window* window) const;
  void operator()(org_kde_plasma_window_management* management) const;
  void operator()(zkde_screencast_stream_unstable_v1* stream) const;  // ends the stream
  void operator()(zkde_screencast_unstable_v1* screencast) const;
};
template <typename T>
using Proxy = std::unique_ptr<T, ProxyDeleter>;

}  // namespace lumen::kwin
