// Child processes that may crash or hang, for asking drivers that may do so.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

namespace lumen::probe {

struct ChildSettings {
  std::string program;            // a path; not looked up
  std::vector<std::string> argv;  // argv[0] included
  std::chrono::milliseconds limit{15'000};
};

enum class ChildEnd {
  kExited,    // `code` is its exit status
  kCrashed,   // `code` is the signal
  kTimedOut,  // was killed at its limit
  kNotRun,    // could not be started; `errors` says why
};

struct ChildResult {
  ChildEnd end = ChildEnd::kNotRun;
  int code = 0;
  std::string output;  // its standard output, up to kMaxOutput
  std::string errors;  // the end of its standard error
  std::chrono::milliseconds took{0};
};

/// Everything above this is thrown away.
inline constexpr std::size_t kMaxOutput = std::size_t{4} << 20;

/// Runs all of them at the same time, with no standard input and default signal handling, and
/// returns when each has ended or was killed. A child that not even SIGKILL ends (it hangs inside
/// the kernel) is left behind. Any thread.
std::vector<ChildResult> run_children(std::span<const ChildSettings> children);

/// "SIGSEGV"
std::string signal_name(int number);

}  // namespace lumen::probe
