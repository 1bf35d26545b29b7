// A real compositor without a screen, in a private session, with Wayland clients on it and a
// PipeWire stream of it. One thread; the session must outlive it.
//
// A compositor that isn't installed, or is too old to stream, is an error of kind kUnsupported: the
// test skips with its message.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/geometry.h"
#include "harness/private_session.h"

namespace lumen::session {

/// Whether KWin shows its screen-cast protocol to everybody, or to those alone whose .desktop file
/// says so.
enum class KwinPermissions { kEverybody, kChecked };

struct CompositorSettings {
  Extent size = {1280, 720};  // of the only output
  unsigned fps = 60;          // its refresh rate, where the compositor lets one choose
  std::string display;        // WAYLAND_DISPLAY; empty: one that this session never had
  KwinPermissions kwin_permissions = KwinPermissions::kEverybody;
};

enum class CompositorKind {
  kMutter,  // streams its monitor
  kKwin,    // streams one window
  kWeston,  // its PipeWire backend is the stream; from Weston 14
};
const char* to_string(CompositorKind kind);

class Compositor {
 public:
  /// Returns once clients can connect.
  static Result<std::unique_ptr<Compositor>> start(CompositorKind kind, PrivateSession& session,
                                                   const CompositorSettings& settings = {});
  Compositor(const Compositor&) = delete;
  Compositor& operator=(const Compositor&) = delete;

  /// Starts a Wayland client that lives until stop_clients() or the end. kUnsupported when absent.
  Result<void> start_client(std::vector<std::string> argv);
  void stop_clients() { clients_.clear(); }

  /// The id of a PipeWire node that shows the monitor (Mutter, Weston) or the first window whose
  /// title contains `window` (KWin: a client must be running). The stream lives as long as this.
  Result<std::uint32_t> stream(const std::string& window = {});

  /// The compositor itself, to be killed or watched.
  [[nodiscard]] Process& process() { return process_; }
  /// What asks the compositor for the stream; nullptr before stream(), and with Weston.
  [[nodiscard]] Process* streamer() { return streamer_ ? &*streamer_ : nullptr; }
  /// WAYLAND_DISPLAY, for programs spawned by the test.
  [[nodiscard]] const Environment& client_env() const { return client_env_; }

 private:
  Compositor(CompositorKind kind, PrivateSession& session, Process process, Environment client_env);
  Result<std::uint32_t> helper_stream(std::vector<std::string> argv);
  Result<std::uint32_t> weston_stream();

  CompositorKind kind_;
  PrivateSession& session_;
  Environment client_env_;
  Process process_;
  std::vector<Process> clients_;
  std::optional<Process> streamer_;
};

/// Arguments for weston-simple-egl in a window as large as the output: it moves all the time.
inline const std::vector<std::string> kMovingClient = {"weston-simple-egl", "-f"};

}  // namespace lumen::session
