// A connection to the session's Wayland compositor, for what KWin has beyond other compositors.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/session/kwin/output_list.h"
#include "capture/session/kwin/wayland_proxy.h"
#include "capture/session/kwin/window_list.h"
#include "core/error.h"
#include "core/time.h"
#include "platform/linux/stop_fd.h"

namespace lumen::kwin {

/// One thread at a time.
class Connection {
 public:
  /// Returns once the compositor has told what it has. kNotFound: no compositor at WAYLAND_DISPLAY.
  /// kUnsupported: it isn't KWin. kCancelled: stopped.
  static Result<std::unique_ptr<Connection>> open(const StopFd& stop);
  Connection(const Connection&) = delete;

  /// Null where KWin doesn't show it to this program.
  [[nodiscard]] zkde_screencast_unstable_v1* screencast() const { return screencast_.get(); }
  /// The version that was bound, which is KWin's where the protocol package here knows it.
  [[nodiscard]] std::uint32_t screencast_version() const { return screencast_version_; }
  [[nodiscard]] const OutputList& outputs() const { return outputs_; }
  [[nodiscard]] const WindowList& windows() const { return windows_; }

  /// Sends and handles events until `done`, which is asked after each batch. kRetry at the
  /// deadline (kNoTimestamp: none), kCancelled when stopped, kDeviceLost: the compositor went away.
  Result<void> dispatch_until(const StopFd& stop, Timestamp deadline,
                              const std::function<bool()>& done);
  /// All events that answer what was sent so far.
  Result<void> roundtrip(const StopFd& stop);

 private:
  Connection() = default;
  void on_global(std::uint32_t name, std::string_view interface, std::uint32_t version);
  [[nodiscard]] Error lost() const;

  // The display last: what lives on it goes first.
  Proxy<wl_display> display_;
  Proxy<wl_registry> registry_;
  Proxy<zkde_screencast_unstable_v1> screencast_;
  std::uint32_t screencast_version_ = 0;
  bool is_kwin_ = false;
  OutputList outputs_;
  WindowList windows_;
};

/// kUnsupported, with what must be installed for KWin to show the protocol to this program.
Error not_allowed();

}  // namespace lumen::kwin
