// A desktop session of a test's own: D-Bus, PipeWire and WirePlumber in a temporary directory,
// apart from whatever session the user has. The bus starts no services and WirePlumber opens no
// devices.
//
// When the current test has failed, the destructor prints the end of every log. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "harness/process.h"

namespace lumen::session {

/// A PipeWire node as other programs see it.
struct Node {
  std::uint32_t id = 0;
  std::uint64_t serial = 0;
  std::string name;         // node.name
  std::string media_class;  // e.g. "Video/Source"
};

class PrivateSession {
 public:
  /// Returns once all three answer. kUnsupported when one isn't installed.
  static Result<std::unique_ptr<PrivateSession>> start();
  PrivateSession(const PrivateSession&) = delete;
  PrivateSession& operator=(const PrivateSession&) = delete;
  /// Stops what the session started and removes the directory.
  ~PrivateSession();

  /// For programs that shall live in this session.
  [[nodiscard]] const Environment& env() const { return env_; }
  void set_env(const std::string& key, const std::string& value) { env_[key] = value; }
  /// The temporary directory; tests may write here.
  [[nodiscard]] const std::filesystem::path& dir() const { return dir_; }
  [[nodiscard]] std::filesystem::path runtime_dir() const { return dir_ / "run"; }

  /// A program in this session; its output goes to a log that is kept with the session's.
  Result<Process> spawn(std::vector<std::string> argv,
                        StandardOutput standard_output = StandardOutput::kLog,
                        const Environment& more_env = {});
  /// Runs a program to its end; its stdout. kIo when it fails.
  Result<std::string> output_of(std::vector<std::string> argv,
                                Milliseconds timeout = Milliseconds(20000));

  /// The daemon dies as in a crash; WirePlumber loses its connection. Returns when both are gone.
  void kill_pipewire();
  /// A new daemon and a new WirePlumber, ready.
  Result<void> start_pipewire();
  Result<void> restart_pipewire();
  /// A new WirePlumber for the same daemon, ready.
  Result<void> restart_wireplumber();
  /// A new bus at the same address; whoever was connected has lost it.
  Result<void> restart_bus();

  [[nodiscard]] Result<std::vector<Node>> nodes();
  [[nodiscard]] std::optional<Node> find_node(std::uint32_t id);
  [[nodiscard]] std::optional<Node> find_node(std::string_view name);

  /// The end of every log, for a failing test.
  [[nodiscard]] std::string logs() const;

 private:
  explicit PrivateSession(std::filesystem::path dir);
  Result<void> configure() const;
  Result<void> start_bus();
  Result<void> start_wireplumber();
  std::filesystem::path next_log(const std::string& program);

  std::filesystem::path dir_;
  Environment env_;
  std::vector<std::filesystem::path> logs_;
  std::optional<Process> bus_;
  std::optional<Process> pipewire_;
  std::optional<Process> wireplumber_;
};

}  // namespace lumen::session
