// A child process of a test: its environment, its output, its end, and what it uses.
//
// The child leads a process group of its own and dies with the thread that spawned it
// (PR_SET_PDEATHSIG), so nothing outlives the test. Its stderr, and its stdout unless it is read
// here, are appended to a log file. One thread per object.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen::session {

using Milliseconds = std::chrono::milliseconds;
using Environment = std::map<std::string, std::string>;

/// The environment of this process.
Environment inherited_environment();

/// Where a program of this name is, going by PATH; nullopt when it isn't installed.
std::optional<std::filesystem::path> find_program(std::string_view name);

enum class StandardOutput { kLog, kPipe };

struct ProcessSettings {
  std::vector<std::string> argv;                          // argv[0] is looked up in PATH
  Environment env;                                        // the child's whole environment
  std::filesystem::path log;                              // empty: /dev/null
  StandardOutput standard_output = StandardOutput::kLog;  // kPipe: for read_line()
};

/// How a process ended.
struct Ending {
  int code = 0;    // exit status; 0 when a signal ended it
  int signal = 0;  // the signal that ended it; 0: it exited

  [[nodiscard]] bool clean() const { return code == 0 && signal == 0; }
};
std::string to_string(const Ending& ending);

class Process {
 public:
  /// kNotFound when there is no such program.
  static Result<Process> spawn(ProcessSettings settings);

  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  /// stop()s what still runs.
  ~Process();

  [[nodiscard]] const std::string& name() const { return name_; }
  /// Valid also after the end, as a number.
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  [[nodiscard]] std::string log_text() const;

  [[nodiscard]] bool running();
  /// Waits for the end; kRetry when it still runs at the deadline. What the ended process leaves
  /// running in its group is killed.
  Result<Ending> wait(Milliseconds timeout);
  /// To the process alone, not to its children. Does nothing after the end.
  void signal(int number);
  /// SIGTERM to the group, SIGKILL after `grace`; how it ended.
  Ending stop(Milliseconds grace = Milliseconds(3000));
  /// SIGKILL to the group, and waits.
  Ending kill();

  /// The next line of stdout without its line end. kRetry at the deadline, kIo at the end of
  /// output.
  Result<std::string> read_line(Milliseconds timeout);
  /// Skips lines until one begins with `prefix`; the rest of that line.
  Result<std::string> read_value(std::string_view prefix, Milliseconds timeout);
  /// All of stdout up to its end.
  Result<std::string> read_all(Milliseconds timeout);

  /// What it uses now; 0 after the end.
  [[nodiscard]] std::uint64_t rss_kib() const;
  [[nodiscard]] std::size_t fd_count() const;
  [[nodiscard]] std::size_t threads() const;
  /// User and system time of all its threads.
  [[nodiscard]] double cpu_seconds() const;
  /// How often any of its threads has waited for something and gone on.
  [[nodiscard]] std::uint64_t wake_ups() const;

 private:
  Process() = default;
  Result<bool> fill(std::chrono::steady_clock::time_point deadline);

  std::string name_;
  std::filesystem::path log_;
  pid_t pid_ = -1;
  UniqueFd pid_fd_;       // readable once the process ended
  UniqueFd output_;       // its stdout; empty when that goes to the log
  std::string buffered_;  // read and not yet handed out
  std::optional<Ending> ending_;
};

/// Sleeps one polling interval of eventually().
void polling_pause();

/// Polls `condition` every 20 ms; whether it became true in time. For what gives no event.
template <typename Condition>
bool eventually(Milliseconds timeout, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    polling_pause();
  }
  return true;
}

}  // namespace lumen::session
