#include "app/progress.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/status/status_json.h"
#include "app/status/status_text.h"
#include "core/log.h"

namespace lumen {
namespace {

using namespace std::chrono_literals;

constexpr auto kLogInterval = 10s;

bool writes_to_stdout(const StreamOptions& options) {
  return std::ranges::any_of(options.sinks, [](const std::string& sink) {
    return sink == "file:-" || sink.starts_with("file:-?");
  });
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

Progress::Progress(const StreamOptions& options)
    : mode_(Mode::kLogLines), json_to_(writes_to_stdout(options) ? stderr : stdout) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  if (options.stats == StatsFormat::kJson) {
    mode_ = Mode::kJson;
  } else if (options.verbosity == log::Verbosity::kQuiet && !options.stats) {
    mode_ = Mode::kSilent;
  } else if (terminal) {
    mode_ = Mode::kRewrittenLine;
  }
}

void Progress::show(const StreamStatus& status) {
  switch (mode_) {
    case Mode::kSilent: return;
    case Mode::kRewrittenLine: {
      // The last column stays free: a full line would wrap. ESC [ K clears what a longer line left.
      const std::string line = progress_line(status, terminal_columns() - 1);
      fmt::print(stderr, "\r{}\x1b[K", line);
      std::fflush(stderr);
      return;
    }
    case Mode::kLogLines:
      if (now() < next_log_line_) return;
      next_log_line_ = now() + kLogInterval;
      log::area("stats").info("{}", progress_line(status, 0));
      return;
    case Mode::kJson:
      fmt::print(json_to_, "{}\n", to_json(status));
      std::fflush(json_to_);
      return;
  }
}

void Progress::finish(const StreamStatus& status) {
  switch (mode_) {
    case Mode::kSilent: return;
    case Mode::kJson: show(status); return;
    case Mode::kRewrittenLine: fmt::print(stderr, "\r\x1b[K"); [[fallthrough]];
    case Mode::kLogLines: fmt::print(stderr, "{}", exit_report(status)); return;
  }
}

}  // namespace lumen
