#include "harness/compositor.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

namespace lumen::session {
namespace fs = std::filesystem;
namespace {

constexpr Milliseconds kCompositorStart{30000};

struct Launch {
  std::vector<std::string> argv;
  Environment env;
};

std::string number(std::uint32_t value) { return std::to_string(value); }

Result<void> need(const char* program) {
  if (find_program(program)) return {};
  return fail(ErrorKind::kUnsupported, std::string(program) + " isn't installed");
}

Result<Launch> mutter_launch(const CompositorSettings& settings, const std::string& display) {
  if (auto found = need("mutter"); !found) return tl::unexpected(found.error());
  const std::string monitor =
      number(settings.size.width) + "x" + number(settings.size.height) + "@" + number(settings.fps);
  return Launch{.argv = {"mutter", "--wayland", "--headless", "--no-x11", "--virtual-monitor",
                         monitor, "--wayland-display=" + display},
                .env = {}};
}

Result<Launch> kwin_launch(const PrivateSession& session, const CompositorSettings& settings,
                           const std::string& display) {
  if (auto found = need("kwin_wayland"); !found) return tl::unexpected(found.error());
  // Debian gives the binary a file capability, which some containers refuse to execute. A plain
  // copy has none.
  const fs::path copy = session.dir() / "kwin_wayland";
  std::error_code error;
  fs::copy_file(*find_program("kwin_wayland"), copy, fs::copy_options::overwrite_existing, error);
  if (error) return fail(ErrorKind::kIo, "copy kwin_wayland: " + error.message());
  Environment env = {{"KWIN_COMPOSE", "O2"}, {"LIBGL_ALWAYS_SOFTWARE", "1"}};
  if (settings.kwin_permissions == KwinPermissions::kEverybody) {
    env["KWIN_WAYLAND_NO_PERMISSION_CHECKS"] = "1";
  }
  return Launch{.argv = {copy, "--virtual", "--width", number(settings.size.width), "--height",
                         number(settings.size.height), "--no-lockscreen", "--no-global-shortcuts",
                         "--socket", display},
                .env = std::move(env)};
}

Result<Launch> weston_launch(PrivateSession& session, const CompositorSettings& settings,
                             const std::string& display) {
  // LUMEN_WESTON may name one that isn't the system's.
  const char* chosen = std::getenv("LUMEN_WESTON");
  const std::string program = chosen != nullptr ? chosen : "weston";
  if (auto found = need(program.c_str()); !found) return tl::unexpected(found.error());
  const auto version = session.output_of({program, "--version"});
  int major = 0;
  if (!version || std::sscanf(version->c_str(), "weston %d.", &major) != 1) {
    return fail(ErrorKind::kUnsupported, program + " doesn't tell its version");
  }
  if (major < 14) {
    return fail(ErrorKind::kUnsupported, "Weston " + std::to_string(major) +
                                             " is installed; its PipeWire backend came into Debian "
                                             "with 14 (LUMEN_WESTON may name another)");
  }
  const fs::path configuration = session.dir() / "config/weston.ini";
  std::ofstream file(configuration);
  file << "[core]\nidle-time=0\n[input-method]\npath=\n"
       << "[output]\nname=pipewire\nmode=" << settings.size.width << 'x' << settings.size.height
       << '@' << settings.fps << '\n';
  file.close();
  if (!file) return fail(ErrorKind::kIo, "can't write " + configuration.string());
  return Launch{.argv = {program, "--backend=pipewire", "--renderer=pixman", "--shell=kiosk",
                         "--socket=" + display, "-c", configuration},
                .env = {}};
}

Result<Launch> launch_of(CompositorKind kind, PrivateSession& session,
                         const CompositorSettings& settings, const std::string& display) {
  switch (kind) {
    case CompositorKind::kMutter: return mutter_launch(settings, display);
    case CompositorKind::kKwin: return kwin_launch(session, settings, display);
    case CompositorKind::kWeston: return weston_launch(session, settings, display);
  }
  return fail(ErrorKind::kInvalidArgument, "no such compositor");
}

}  // namespace

const char* to_string(CompositorKind kind) {
  switch (kind) {
    case CompositorKind::kMutter: return "Mutter";
    case CompositorKind::kKwin: return "KWin";
    case CompositorKind::kWeston: return "Weston";
  }
  return "?";
}

Compositor::Compositor(CompositorKind kind, PrivateSession& session, Process process,
                       Environment client_env)
    : kind_(kind),
      session_(session),
      client_env_(std::move(client_env)),
      process_(std::move(process)) {}

Result<std::unique_ptr<Compositor>> Compositor::start(CompositorKind kind, PrivateSession& session,
                                                      const CompositorSettings& settings) {
  // A name that no earlier compositor of this session has used.
  fs::path socket;
  for (int n = 0; socket.empty() || fs::exists(socket); ++n) {
    socket = session.runtime_dir() / ("lumen-test-" + std::to_string(n));
  }
  if (!settings.display.empty()) {
    socket = session.runtime_dir() / settings.display;
    std::error_code none;
    fs::remove(socket, none);  // what one that was killed left
  }
  const std::string display = socket.filename();
  const auto launch = launch_of(kind, session, settings, display);
  if (!launch) return tl::unexpected(launch.error());
  auto process = session.spawn(launch->argv, StandardOutput::kLog, launch->env);
  if (!process) return tl::unexpected(process.error());
  bool ended = false;
  const bool in_time = eventually(kCompositorStart, [&] {
    ended = !process->running();
    return ended || fs::exists(socket);
  });
  if (ended || !in_time) {
    return fail(ErrorKind::kIo, std::string(to_string(kind)) +
                                    (ended ? " ended while starting" : " made no socket in time") +
                                    ": " + process->log_text());
  }
  return std::unique_ptr<Compositor>(
      new Compositor(kind, session, std::move(*process), {{"WAYLAND_DISPLAY", display}}));
}

Result<void> Compositor::start_client(std::vector<std::string> argv) {
  if (auto found = need(argv.front().c_str()); !found) return found;
  auto client = session_.spawn(std::move(argv), StandardOutput::kLog, client_env_);
  if (!client) return tl::unexpected(client.error());
  clients_.push_back(std::move(*client));
  return {};
}

Result<std::uint32_t> Compositor::stream(const std::string& window) {
  streamer_.reset();
  switch (kind_) {
    case CompositorKind::kWeston: return weston_stream();
    case CompositorKind::kMutter: return helper_stream({LUMEN_CAST, "mutter"});
    case CompositorKind::kKwin: return helper_stream({LUMEN_CAST, "kwin:window=" + window});
  }
  return fail(ErrorKind::kInvalidArgument, "no such compositor " + window);
}

Result<std::uint32_t> Compositor::helper_stream(std::vector<std::string> argv) {
  auto helper = session_.spawn(std::move(argv), StandardOutput::kPipe, client_env_);
  if (!helper) return tl::unexpected(helper.error());
  const auto value = helper->read_value("node-id=", Milliseconds(40000));
  if (!value) {
    // KWin 6's virtual backend renders with OpenGL only through a DRM device, and casts only then.
    const bool no_opengl =
        kind_ == CompositorKind::kKwin &&
        process_.log_text().find("compositor not supported by Platform") != std::string::npos;
    return fail(no_opengl ? ErrorKind::kUnsupported : ErrorKind::kIo,
                (no_opengl ? std::string("this KWin casts nothing without a DRM device")
                           : std::string("no stream from ") + to_string(kind_)) +
                    ": " + value.error().message + "; " + helper->log_text());
  }
  streamer_ = std::move(*helper);
  return static_cast<std::uint32_t>(std::strtoul(value->c_str(), nullptr, 10));
}

Result<std::uint32_t> Compositor::weston_stream() {
  std::optional<std::uint32_t> id;
  eventually(kCompositorStart, [&] {
    // Weston names the node "weston." and its output's name.
    if (const auto nodes = session_.nodes()) {
      for (const Node& node : *nodes) {
        if (node.name.starts_with("weston")) id = node.id;
      }
    }
    return id.has_value() || !process_.running();
  });
  if (!id) return fail(ErrorKind::kIo, "Weston made no PipeWire node: " + process_.log_text());
  return *id;
}

}  // namespace lumen::session
