// lumen-kwin-stream: waits for a window on KWin, asks for a PipeWire stream of it, prints
// "node-id=N window=TITLE" and keeps the stream alive until a signal or until KWin ends it.
//
// Two of Plasma's Wayland protocols: plasma-window-management tells of windows and their uuid,
// zkde-screencast-unstable-v1 streams one. KWin shows both only to clients that an installed
// .desktop file allows (X-KDE-Wayland-Interfaces), or to all under
// KWIN_WAYLAND_NO_PERMISSION_CHECKS=1.
#include <plasma-window-management.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <wayland-client.h>
#include <zkde-screencast-unstable-v1.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.h"
#include "platform/linux/unique_fd.h"

namespace {

using lumen::compositor::CommandLine;
using lumen::compositor::ExitStatus;
using Clock = std::chrono::steady_clock;

constexpr const char* kProgram = "lumen-kwin-stream";
// Version 13 of plasma-window-management is the first that names windows by uuid.
constexpr std::uint32_t kWindowManagementVersion = 13;
constexpr std::uint32_t kScreencastVersion = 1;
constexpr int kRetryMilliseconds = 50;

struct Settings {
  std::string title;   // part of the window's title; empty: any
  std::string app_id;  // the window's whole app id; empty: any
  std::uint32_t pointer = ZKDE_SCREENCAST_UNSTABLE_V1_POINTER_EMBEDDED;
  double wait_seconds = 10;  // for a window that fits; 0: as long as it takes
};

struct Window {
  std::string uuid;
  std::string title;
  std::string app_id;
  bool described = false;  // initial_state came: title and app id are known
  org_kde_plasma_window* handle = nullptr;

  Window() = default;
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window() {
    if (handle != nullptr) org_kde_plasma_window_destroy(handle);
  }
};

/// One connection to KWin and the one stream on it. One thread.
class Streamer {
 public:
  explicit Streamer(Settings settings) : settings_(std::move(settings)) {}
  Streamer(const Streamer&) = delete;
  Streamer& operator=(const Streamer&) = delete;
  ~Streamer();

  ExitStatus run();

 private:
  void on_global(wl_registry* registry, std::uint32_t name, std::string_view interface,
                 std::uint32_t version);
  void on_window(const char* uuid);
  void consider();
  bool fits(const Window& window) const;
  bool connect();
  [[nodiscard]] int patience() const;
  void try_again();
  std::optional<ExitStatus> wait_for_events(int stop_fd);
  ExitStatus failed(const std::string& what) const;

  Settings settings_;
  wl_display* display_ = nullptr;
  wl_registry* registry_ = nullptr;
  org_kde_plasma_window_management* management_ = nullptr;
  zkde_screencast_unstable_v1* screencast_ = nullptr;
  zkde_screencast_stream_unstable_v1* stream_ = nullptr;
  std::vector<std::unique_ptr<Window>> windows_;
  std::string streamed_title_;
  std::string end_reason_;  // set once KWin ended a stream that ran
  std::string refusal_;     // why KWin refused the last attempt; empty: no attempt was refused
  bool refused_ = false;    // stream_ is a refused attempt
  bool created_ = false;    // the node id was printed
  Clock::time_point deadline_;

  static const wl_registry_listener kRegistryListener;
  static const zkde_screencast_stream_unstable_v1_listener kStreamListener;
  static const org_kde_plasma_window_management_listener kManagementListener;
  static const org_kde_plasma_window_listener kWindowListener;
  // What a window's listener gets: libwayland carries one pointer.
  struct WindowContext {
    Streamer* streamer;
    Window* window;
  };
  std::vector<std::unique_ptr<WindowContext>> contexts_;
};

Streamer& self(void* data) { return *static_cast<Streamer*>(data); }

/// An event that nobody here needs; libwayland refuses a null handler.
constexpr auto kIgnore = [](void*, auto...) {};

const wl_registry_listener Streamer::kRegistryListener = {
    .global =
        [](void* data, wl_registry* registry, std::uint32_t name, const char* interface,
           std::uint32_t version) { self(data).on_global(registry, name, interface, version); },
    .global_remove = kIgnore,
};

const zkde_screencast_stream_unstable_v1_listener Streamer::kStreamListener = {
    .closed = [](void* data, auto*) { self(data).end_reason_ = "KWin ended the stream"; },
    .created =
        [](void* data, auto*, std::uint32_t node) {
          self(data).created_ = true;
          std::printf("node-id=%u window=%s\n", node, self(data).streamed_title_.c_str());
          std::fflush(stdout);
        },
    .failed =
        [](void* data, auto*, const char* message) {
          self(data).refusal_ = message;
          self(data).refused_ = true;
        },
};

// The listener structs grow with the protocol package, so members are set by name; newer events
// are never sent to objects of the version bound here.
const org_kde_plasma_window_management_listener Streamer::kManagementListener = [] {
  org_kde_plasma_window_management_listener listener{};
  listener.show_desktop_changed = kIgnore;
  listener.window = kIgnore;
  listener.stacking_order_changed = kIgnore;
  listener.stacking_order_uuid_changed = kIgnore;
  listener.window_with_uuid = [](void* data, auto*, std::uint32_t, const char* uuid) {
    self(data).on_window(uuid);
  };
  return listener;
}();

const org_kde_plasma_window_listener Streamer::kWindowListener = [] {
  org_kde_plasma_window_listener listener{};
  listener.title_changed = [](void* data, auto*, const char* title) {
    auto& context = *static_cast<WindowContext*>(data);
    context.window->title = title;
    context.streamer->consider();
  };
  listener.app_id_changed = [](void* data, auto*, const char* app_id) {
    auto& context = *static_cast<WindowContext*>(data);
    context.window->app_id = app_id;
    context.streamer->consider();
  };
  listener.initial_state = [](void* data, auto*) {
    auto& context = *static_cast<WindowContext*>(data);
    context.window->described = true;
    context.streamer->consider();
  };
  listener.unmapped = [](void* data, auto*) {
    static_cast<WindowContext*>(data)->window->described = false;
  };
  listener.state_changed = kIgnore;
  listener.virtual_desktop_changed = kIgnore;
  listener.themed_icon_name_changed = kIgnore;
  listener.parent_window = kIgnore;
  listener.geometry = kIgnore;
  listener.icon_changed = kIgnore;
  listener.pid_changed = kIgnore;
  listener.virtual_desktop_entered = kIgnore;
  listener.virtual_desktop_left = kIgnore;
  listener.application_menu = kIgnore;
  return listener;
}();

Streamer::~Streamer() {
  if (stream_ != nullptr) zkde_screencast_stream_unstable_v1_close(stream_);
  windows_.clear();
  if (management_ != nullptr) org_kde_plasma_window_management_destroy(management_);
  if (screencast_ != nullptr) zkde_screencast_unstable_v1_destroy(screencast_);
  if (registry_ != nullptr) wl_registry_destroy(registry_);
  if (display_ != nullptr) {
    wl_display_flush(display_);
    wl_display_disconnect(display_);
  }
}

ExitStatus Streamer::failed(const std::string& what) const {
  std::fprintf(stderr, "%s: %s\n", kProgram, what.c_str());
  return ExitStatus::kFailed;
}

void Streamer::on_global(wl_registry* registry, std::uint32_t name, std::string_view interface,
                         std::uint32_t version) {
  if (interface == zkde_screencast_unstable_v1_interface.name) {
    screencast_ = static_cast<zkde_screencast_unstable_v1*>(wl_registry_bind(
        registry, name, &zkde_screencast_unstable_v1_interface, kScreencastVersion));
  } else if (interface == org_kde_plasma_window_management_interface.name &&
             version >= kWindowManagementVersion) {
    management_ = static_cast<org_kde_plasma_window_management*>(wl_registry_bind(
        registry, name, &org_kde_plasma_window_management_interface, kWindowManagementVersion));
    org_kde_plasma_window_management_add_listener(management_, &kManagementListener, this);
  }
}

void Streamer::on_window(const char* uuid) {
  if (stream_ != nullptr) return;
  Window& window = *windows_.emplace_back(std::make_unique<Window>());
  window.uuid = uuid;
  window.handle = org_kde_plasma_window_management_get_window_by_uuid(management_, uuid);
  auto& context = *contexts_.emplace_back(std::make_unique<WindowContext>(this, &window));
  org_kde_plasma_window_add_listener(window.handle, &kWindowListener, &context);
}

bool Streamer::fits(const Window& window) const {
  return window.described && window.title.find(settings_.title) != std::string::npos &&
         (settings_.app_id.empty() || window.app_id == settings_.app_id);
}

void Streamer::consider() {
  if (stream_ != nullptr) return;
  for (const auto& window : windows_) {
    if (!fits(*window)) continue;
    streamed_title_ = window->title;
    stream_ = zkde_screencast_unstable_v1_stream_window(screencast_, window->uuid.c_str(),
                                                        settings_.pointer);
    zkde_screencast_stream_unstable_v1_add_listener(stream_, &kStreamListener, this);
    return;
  }
}

bool Streamer::connect() {
  display_ = wl_display_connect(nullptr);
  if (display_ == nullptr) {
    failed("no Wayland display (is WAYLAND_DISPLAY set?)");
    return false;
  }
  registry_ = wl_display_get_registry(display_);
  wl_registry_add_listener(registry_, &kRegistryListener, this);
  if (wl_display_roundtrip(display_) < 0) {
    failed(std::string("the compositor went away: ") + std::strerror(errno));
    return false;
  }
  if (screencast_ == nullptr || management_ == nullptr) {
    failed(
        "the compositor doesn't offer window streams: it isn't KWin, or KWin doesn't allow this "
        "program (KWIN_WAYLAND_NO_PERMISSION_CHECKS=1 allows all)");
    return false;
  }
  return true;
}

/// Milliseconds that poll() may wait; -1: for ever.
int Streamer::patience() const {
  if (created_) return -1;
  int result = -1;
  if (settings_.wait_seconds > 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    result = left.count() > 0 ? static_cast<int>(left.count()) : 0;
  }
  // KWin announces a window before it can stream it, and tells nothing when it can: ask again.
  if (refused_ && (result < 0 || result > kRetryMilliseconds)) result = kRetryMilliseconds;
  return result;
}

void Streamer::try_again() {
  zkde_screencast_stream_unstable_v1_close(stream_);
  stream_ = nullptr;
  refused_ = false;
  consider();
}

/// One turn of the loop; a status when it is time to leave.
std::optional<ExitStatus> Streamer::wait_for_events(int stop_fd) {
  while (wl_display_prepare_read(display_) != 0) wl_display_dispatch_pending(display_);
  wl_display_flush(display_);
  std::array<pollfd, 2> fds = {{{wl_display_get_fd(display_), POLLIN, 0}, {stop_fd, POLLIN, 0}}};
  const int ready = poll(fds.data(), fds.size(), patience());
  if (ready > 0 && fds[0].revents != 0) {
    if (wl_display_read_events(display_) < 0) return failed("KWin closed the connection");
  } else {
    wl_display_cancel_read(display_);
  }
  if (wl_display_dispatch_pending(display_) < 0) return failed("KWin closed the connection");
  if (fds[1].revents != 0) return ExitStatus::kStopped;
  if (!end_reason_.empty()) return failed(end_reason_);
  if (ready != 0 || created_) return std::nullopt;
  if (settings_.wait_seconds > 0 && Clock::now() >= deadline_) {
    if (!refusal_.empty()) return failed("KWin can't stream the window: " + refusal_);
    return failed(stream_ == nullptr ? "no such window appeared" : "KWin made no stream in time");
  }
  if (refused_) try_again();
  return std::nullopt;
}

ExitStatus Streamer::run() {
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  const auto stop_fd = lumen::UniqueFd::take(signalfd(-1, &stop_signals, SFD_CLOEXEC));
  if (!stop_fd) return failed(std::string("signalfd: ") + std::strerror(errno));
  if (!connect()) return ExitStatus::kFailed;
  deadline_ = Clock::now() + std::chrono::ceil<std::chrono::milliseconds>(
                                 std::chrono::duration<double>(settings_.wait_seconds));
  for (;;) {
    if (const auto status = wait_for_events(stop_fd.borrow())) return *status;
  }
}

void print_help() {
  std::printf(
      "Usage: %s [--title TEXT] [--app-id ID] [--cursor embedded|hidden] [--wait SECONDS]\n"
      "Asks KWin for a PipeWire stream of a window, prints node-id=N window=TITLE and stays until\n"
      "a signal. Without a filter it takes the first window.\n"
      "  --title TEXT      the window's title contains TEXT\n"
      "  --app-id ID       the window's app id is ID\n"
      "  --cursor MODE     embedded (default): the cursor is part of the picture; hidden\n"
      "  --wait SECONDS    how long the window may take to appear (default 10; 0: no limit)\n",
      kProgram);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CommandLine words(argc, argv);
  while (const auto word = words.next()) {
    if (*word == "--help" || *word == "-h") {
      print_help();
      return ExitStatus::kStopped;
    }
    if (*word == "--title") {
      settings.title = words.value_of(*word);
    } else if (*word == "--app-id") {
      settings.app_id = words.value_of(*word);
    } else if (*word == "--wait") {
      settings.wait_seconds = words.seconds_of(*word);
    } else if (*word == "--cursor") {
      const std::string mode = words.value_of(*word);
      if (mode != "embedded" && mode != "hidden") words.reject(mode);
      settings.pointer = mode == "embedded" ? ZKDE_SCREENCAST_UNSTABLE_V1_POINTER_EMBEDDED
                                            : ZKDE_SCREENCAST_UNSTABLE_V1_POINTER_HIDDEN;
    } else {
      words.reject(*word);
    }
  }
  return Streamer(std::move(settings)).run();
}
