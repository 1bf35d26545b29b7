#include "capture/session/kwin/connection.h"

#include <kde-output-order-v1.h>
#include <plasma-window-management.h>
#include <poll.h>
#include <wayland-client.h>
#include <zkde-screencast-unstable-v1.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

namespace lumen::kwin {
namespace {

using namespace std::chrono_literals;

constexpr auto kConnectionAnswerTime = 5s;
// With stream_virtual_output (2) and stream_region (3).
constexpr std::uint32_t kScreencastVersion = 3;

std::string display_name() {
  const char* name = std::getenv("WAYLAND_DISPLAY");
  return name == nullptr ? "wayland-0" : name;
}

}  // namespace

Error not_allowed() {
  Error error;
  error.kind = ErrorKind::kUnsupported;
  error.message = "KWin doesn't let lumen-host cast its screen";
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  // KWin compares Exec with the peer's /proc/PID/exe (src/utils/serviceutils.h).
  error.hint = fmt::format(
      "it lets a program whose .desktop file, in ~/.local/share/applications for example, has the "
      "lines Exec={} and X-KDE-Wayland-Interfaces=zkde_screencast_unstable_v1,"
      "org_kde_plasma_window_management; lumen's package brings one for its own lumen-host",
      unknown ? "/usr/bin/lumen-host" : program.string());
  return error;
}

Result<std::unique_ptr<Connection>> Connection::open(const StopFd& stop) {
  std::unique_ptr<Connection> self(new Connection);
  self->display_.reset(wl_display_connect(nullptr));
  if (!self->display_) {
    return fail_errno(ErrorKind::kNotFound, "no Wayland compositor answers at " + display_name(),
                      errno, "WAYLAND_DISPLAY names the session's, XDG_RUNTIME_DIR its directory");
  }
  static constexpr wl_registry_listener kListener = {
      .global =
          [](void* data, wl_registry*, std::uint32_t name, const char* interface,
             std::uint32_t version) {
            static_cast<Connection*>(data)->on_global(name, interface, version);
          },
      .global_remove =
          [](void* data, wl_registry*, std::uint32_t name) {
            static_cast<Connection*>(data)->outputs_.remove(name);
          },
  };
  self->registry_.reset(wl_display_get_registry(self->display_.get()));
  wl_registry_add_listener(self->registry_.get(), &kListener, self.get());
  // The first tells of the globals, the second of what the bound ones have to say: of windows no
  // more than that they are there. The third tells their titles.
  for (int trip = 0; trip < 3; ++trip) {
    if (auto done = self->roundtrip(stop); !done) return tl::unexpected(std::move(done.error()));
  }
  if (!self->is_kwin_) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the compositor at {} isn't KWin", display_name()),
                "`lumen-host sources` lists what can be streamed here");
  }
  return self;
}

void Connection::on_global(std::uint32_t name, std::string_view interface, std::uint32_t version) {
  wl_registry* registry = registry_.get();
  if (interface == zkde_screencast_unstable_v1_interface.name) {
    is_kwin_ = true;
    screencast_version_ = std::min(version, kScreencastVersion);
    screencast_.reset(static_cast<zkde_screencast_unstable_v1*>(wl_registry_bind(
        registry, name, &zkde_screencast_unstable_v1_interface, screencast_version_)));
  } else if (interface == org_kde_plasma_window_management_interface.name) {
    if (version >= WindowList::kVersion) windows_.bind(registry, name);
  } else if (interface == wl_output_interface.name) {
    outputs_.add(registry, name, version);
  } else if (interface == kde_output_order_v1_interface.name) {
    is_kwin_ = true;
    outputs_.bind_order(registry, name);
  } else if (interface.starts_with("kde_output_device_v2")) {
    is_kwin_ = true;  // shown to everybody, unlike the two above
  }
}

Error Connection::lost() const {
  Error error;
  error.kind = ErrorKind::kDeviceLost;
  const int code = wl_display_get_error(display_.get());
  error.message =
      code == EPROTO ? "KWin refused what lumen sent, and closed the connection" : "KWin went away";
  error.domain = "errno";
  error.code = code;
  return error;
}

Result<void> Connection::dispatch_until(const StopFd& stop, Timestamp deadline,
                                        const std::function<bool()>& done) {
  wl_display* display = display_.get();
  for (;;) {
    while (wl_display_prepare_read(display) != 0) {
      if (wl_display_dispatch_pending(display) < 0) return tl::unexpected(lost());
    }
    if (done()) {
      wl_display_cancel_read(display);
      return {};
    }
    const bool blocked = wl_display_flush(display) < 0 && errno == EAGAIN;
    const Readiness ready =
        stop.wait(wl_display_get_fd(display),
                  static_cast<short>(blocked ? POLLIN | POLLOUT : POLLIN), deadline);
    if (ready != Readiness::kReadable) {
      wl_display_cancel_read(display);
      if (ready == Readiness::kStopped) return fail(ErrorKind::kCancelled, "stopped");
      return fail(ErrorKind::kRetry, "KWin doesn't answer");
    }
    if (wl_display_read_events(display) < 0) return tl::unexpected(lost());
    if (wl_display_dispatch_pending(display) < 0) return tl::unexpected(lost());
  }
}

Result<void> Connection::roundtrip(const StopFd& stop) {
  bool answered = false;
  static constexpr wl_callback_listener kListener = {
      .done = [](void* data, wl_callback*, std::uint32_t) { *static_cast<bool*>(data) = true; },
  };
  const Proxy<wl_callback> callback(wl_display_sync(display_.get()));
  wl_callback_add_listener(callback.get(), &kListener, &answered);
  return dispatch_until(stop, now() + kConnectionAnswerTime, [&] { return answered; });
}

}  // namespace lumen::kwin
