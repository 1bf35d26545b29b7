#include "harness/private_session.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

namespace lumen::session {
namespace fs = std::filesystem;
namespace {

constexpr Milliseconds kSessionStart{30000};

// No <servicedir>: nothing is started behind the test's back.
constexpr std::string_view kBusConfiguration = R"(<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=@SOCKET@</listen>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
  </policy>
</busconfig>
)";

// WirePlumber 0.4 reads Lua fragments, 0.5 profiles.
constexpr std::string_view kNoDevicesLua =
    "for _, monitor in ipairs({alsa_monitor or {}, v4l2_monitor or {}, libcamera_monitor or {},\n"
    "    bluez_monitor or {}, bluez_midi_monitor or {}}) do monitor.enabled = false end\n";
constexpr std::string_view kNoDevicesProfile = R"(wireplumber.profiles = {
  main = {
    hardware.audio = disabled
    hardware.bluetooth = disabled
    hardware.video-capture = disabled
  }
}
)";

Result<void> write_file(const fs::path& path, std::string_view text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) return fail(ErrorKind::kIo, "can't write " + path.string());
  return {};
}

/// Waits for a daemon's readiness; says so when it ends instead.
template <typename Condition>
Result<void> await(Process& daemon, Condition condition) {
  bool ended = false;
  const bool in_time = eventually(kSessionStart, [&] {
    ended = !daemon.running();
    return ended || condition();
  });
  if (ended)
    return fail(ErrorKind::kIo, daemon.name() + " ended while starting: " + daemon.log_text());
  if (!in_time)
    return fail(ErrorKind::kIo, daemon.name() + " isn't ready in time: " + daemon.log_text());
  return {};
}

std::string tail(const fs::path& path, std::size_t bytes) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.size() > bytes) text = "[…] " + text.substr(text.size() - bytes);
  return text;
}

/// The value of a `key = "value"` line of pw-cli; nullopt for another key.
std::optional<std::string> property(std::string_view line, std::string_view key) {
  const auto start = line.find_first_not_of(" \t*");
  if (start == std::string_view::npos || !line.substr(start).starts_with(key)) return std::nullopt;
  const std::string_view rest = line.substr(start + key.size());
  if (!rest.starts_with(" = \"") || !rest.ends_with('"') || rest.size() < 5) return std::nullopt;
  return std::string(rest.substr(4, rest.size() - 5));
}

/// What others cache takes long to make and harms nobody (GStreamer's list of plugins, Mesa's
/// shaders); what lumen caches is the session's own.
void share_foreign_caches(const fs::path& cache) {
  const Environment here = inherited_environment();
  const auto value = [&](const char* name) {
    const auto found = here.find(name);
    return found == here.end() ? fs::path() : fs::path(found->second);
  };
  fs::path real = value("XDG_CACHE_HOME");
  if (real.empty()) real = value("HOME") / ".cache";
  for (const char* folder :
       {"gstreamer-1.0", "mesa_shader_cache", "mesa_shader_cache_db", "fontconfig"}) {
    std::error_code ignored;  // then it is made anew
    fs::create_directories(real / folder, ignored);
    fs::create_directory_symlink(real / folder, cache / folder, ignored);
  }
}

}  // namespace

PrivateSession::PrivateSession(fs::path dir) : dir_(std::move(dir)), env_(inherited_environment()) {
  for (const char* key : {"DISPLAY", "WAYLAND_DISPLAY", "PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR",
                          "XDG_SESSION_ID"}) {
    env_.erase(key);
  }
  env_["XDG_RUNTIME_DIR"] = runtime_dir();
  env_["XDG_CONFIG_HOME"] = dir_ / "config";
  env_["XDG_STATE_HOME"] = dir_ / "state";
  env_["XDG_DATA_HOME"] = dir_ / "data";
  env_["XDG_CACHE_HOME"] = dir_ / "cache";
  env_["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=" + (runtime_dir() / "bus").string();
  env_["GSETTINGS_BACKEND"] = "memory";
}

Result<std::unique_ptr<PrivateSession>> PrivateSession::start() {
  for (const char* program : {"dbus-daemon", "pipewire", "wireplumber", "pw-cli"}) {
    if (!find_program(program)) {
      return fail(ErrorKind::kUnsupported, std::string(program) + " isn't installed");
    }
  }
  std::string pattern = fs::temp_directory_path() / "lumen-session.XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    return fail_errno(ErrorKind::kIo, "mkdtemp " + pattern, errno);
  }
  std::unique_ptr<PrivateSession> session(new PrivateSession(pattern));
  if (auto done = session->configure(); !done) return tl::unexpected(done.error());
  if (auto done = session->start_bus(); !done) return tl::unexpected(done.error());
  if (auto done = session->start_pipewire(); !done) return tl::unexpected(done.error());
  return session;
}

Result<void> PrivateSession::configure() const {
  std::error_code error;
  for (const char* folder : {"run", "config", "state", "data", "cache", "log"}) {
    fs::create_directory(dir_ / folder, error);
    if (error) return fail(ErrorKind::kIo, (dir_ / folder).string() + ": " + error.message());
  }
  share_foreign_caches(dir_ / "cache");
  // The XDG base directory specification wants the runtime directory for its owner alone.
  fs::permissions(runtime_dir(), fs::perms::owner_all, error);

  std::string bus(kBusConfiguration);
  bus.replace(bus.find("@SOCKET@"), 8, runtime_dir() / "bus");
  const fs::path wireplumber = dir_ / "config/wireplumber";
  if (auto done = write_file(dir_ / "config/bus.conf", bus); !done) return done;
  for (const char* folder : {"main.lua.d", "bluetooth.lua.d"}) {
    if (auto done = write_file(wireplumber / folder / "60-no-devices.lua", kNoDevicesLua); !done) {
      return done;
    }
  }
  if (geteuid() == 0) {
    // WirePlumber 0.4 with logind support ends itself where these are missing.
    for (const char* folder : {"seats", "sessions", "users", "machines"}) {
      fs::create_directories(fs::path("/run/systemd") / folder, error);
    }
  }
  return write_file(wireplumber / "wireplumber.conf.d/60-no-devices.conf", kNoDevicesProfile);
}

fs::path PrivateSession::next_log(const std::string& program) {
  const std::string number = std::to_string(logs_.size());
  return logs_.emplace_back(dir_ / "log" / (number + "-" + fs::path(program).filename().string()));
}

Result<Process> PrivateSession::spawn(std::vector<std::string> argv, StandardOutput standard_output,
                                      const Environment& more_env) {
  Environment env = env_;
  for (const auto& [key, value] : more_env) env[key] = value;
  const fs::path log = next_log(argv.empty() ? "none" : argv.front());
  return Process::spawn({.argv = std::move(argv),
                         .env = std::move(env),
                         .log = log,
                         .standard_output = standard_output});
}

Result<std::string> PrivateSession::output_of(std::vector<std::string> argv, Milliseconds timeout) {
  // No log of its own: pollers call this often.
  auto process = Process::spawn(
      {.argv = std::move(argv), .env = env_, .log = {}, .standard_output = StandardOutput::kPipe});
  if (!process) return tl::unexpected(process.error());
  auto text = process->read_all(timeout);
  if (!text) return text;
  const auto ending = process->wait(timeout);
  if (!ending) return tl::unexpected(ending.error());
  if (!ending->clean()) return fail(ErrorKind::kIo, process->name() + ": " + to_string(*ending));
  return text;
}

Result<void> PrivateSession::start_bus() {
  auto bus =
      spawn({"dbus-daemon", "--config-file=" + (dir_ / "config/bus.conf").string(), "--nofork"});
  if (!bus) return tl::unexpected(bus.error());
  bus_ = std::move(*bus);
  return await(*bus_, [&] { return fs::exists(runtime_dir() / "bus"); });
}

Result<void> PrivateSession::start_pipewire() {
  auto pipewire = spawn({"pipewire"});
  if (!pipewire) return tl::unexpected(pipewire.error());
  pipewire_ = std::move(*pipewire);
  // A killed daemon leaves its socket file behind, so ask for an answer instead of the file.
  auto ready = await(*pipewire_, [&] { return output_of({"pw-cli", "info", "0"}).has_value(); });
  if (!ready) return ready;
  return start_wireplumber();
}

Result<void> PrivateSession::start_wireplumber() {
  auto wireplumber = spawn({"wireplumber"});
  if (!wireplumber) return tl::unexpected(wireplumber.error());
  wireplumber_ = std::move(*wireplumber);
  // The "default" metadata is what WirePlumber publishes once its modules are loaded.
  return await(*wireplumber_, [&] {
    const auto metadata = output_of({"pw-cli", "ls", "Metadata"});
    return metadata && metadata->find("metadata.name = \"default\"") != std::string::npos;
  });
}

void PrivateSession::kill_pipewire() {
  if (pipewire_) pipewire_->kill();
  // WirePlumber 0.4 ends itself when the connection breaks; later ones may try again.
  if (wireplumber_) wireplumber_->stop();
}

Result<void> PrivateSession::restart_pipewire() {
  kill_pipewire();
  return start_pipewire();
}

Result<void> PrivateSession::restart_wireplumber() {
  if (wireplumber_) wireplumber_->kill();
  // What the old one has published goes with it, in its own time.
  const bool gone = eventually(kSessionStart, [&] {
    const auto metadata = output_of({"pw-cli", "ls", "Metadata"});
    return metadata && metadata->find("metadata.name = \"default\"") == std::string::npos;
  });
  if (!gone) return fail(ErrorKind::kIo, "the old WirePlumber is still there");
  return start_wireplumber();
}

Result<void> PrivateSession::restart_bus() {
  if (bus_) bus_->kill();
  std::error_code error;
  fs::remove(runtime_dir() / "bus", error);
  return start_bus();
}

Result<std::vector<Node>> PrivateSession::nodes() {
  const auto listing = output_of({"pw-cli", "ls", "Node"});
  if (!listing) return tl::unexpected(listing.error());
  std::vector<Node> result;
  std::istringstream lines(*listing);
  for (std::string line; std::getline(lines, line);) {
    unsigned id = 0;
    if (std::sscanf(line.c_str(), " id %u, type PipeWire:Interface:Node", &id) == 1) {
      result.push_back({.id = id, .serial = 0, .name = {}, .media_class = {}});
    } else if (!result.empty()) {
      if (auto value = property(line, "node.name")) result.back().name = *value;
      if (auto value = property(line, "media.class")) result.back().media_class = *value;
      if (auto value = property(line, "object.serial")) result.back().serial = std::stoull(*value);
    }
  }
  return result;
}

std::optional<Node> PrivateSession::find_node(std::uint32_t id) {
  if (const auto all = nodes()) {
    for (const Node& node : *all) {
      if (node.id == id) return node;
    }
  }
  return std::nullopt;
}

std::optional<Node> PrivateSession::find_node(std::string_view name) {
  if (const auto all = nodes()) {
    for (const Node& node : *all) {
      if (node.name == name) return node;
    }
  }
  return std::nullopt;
}

std::string PrivateSession::logs() const {
  std::string result;
  for (const fs::path& log : logs_) {
    if (const std::string text = tail(log, 4000); !text.empty()) {
      result += "--- " + log.filename().string() + "\n" + text + (text.ends_with('\n') ? "" : "\n");
    }
  }
  return result;
}

PrivateSession::~PrivateSession() {
  wireplumber_.reset();
  pipewire_.reset();
  bus_.reset();
  if (::testing::Test::HasFailure()) std::cerr << logs();
  std::error_code error;
  fs::remove_all(dir_, error);
}

}  // namespace lumen::session
