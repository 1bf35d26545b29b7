// One lumen-host in a private session, for session tests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "harness/private_session.h"

namespace lumen::session {

/// Runs `lumen-host stream ARGS… --stats json`. Its log lines are in process.log_text().
class Host {
 public:
  static Result<Host> start(PrivateSession& session, std::vector<std::string> args,
                            const Environment& more_env = {}) {
    args.insert(args.begin(), "--no-config");
    return start_as_configured(session, args, more_env);
  }
  /// With the session's configuration file, or with what --config names.
  static Result<Host> start_as_configured(PrivateSession& session,
                                          const std::vector<std::string>& args,
                                          const Environment& more_env = {}) {
    std::vector<std::string> argv = {LUMEN_HOST_BINARY, "stream", "--stats", "json"};
    argv.insert(argv.end(), args.begin(), args.end());
    auto process = session.spawn(argv, StandardOutput::kPipe, more_env);
    if (!process) return tl::unexpected(std::move(process.error()));
    return Host(std::move(*process));
  }

  Process& process() { return process_; }

  /// The next status, one a second; nothing when the host has ended.
  std::optional<nlohmann::json> status(Milliseconds timeout = Milliseconds(10000)) {
    const auto line = process_.read_line(timeout);
    if (!line) return std::nullopt;
    auto json = nlohmann::json::parse(*line, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << *line;
    return json;
  }

  /// Reads statuses until one satisfies the condition; the last one read.
  template <typename Condition>
  std::optional<nlohmann::json> await(Milliseconds timeout, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (std::chrono::steady_clock::now() < deadline) {
      auto now_is = status();
      if (!now_is) return std::nullopt;
      if (condition(*now_is)) return now_is;
    }
    return std::nullopt;
  }

  /// Ctrl-C, then its exit code; -1 when it did not end well in time.
  int interrupt() {
    process_.signal(SIGINT);
    return exit_code(Milliseconds(20000));
  }
  int exit_code(Milliseconds timeout) {
    (void)process_.read_all(timeout);
    const auto ending = process_.wait(timeout);
    return ending && ending->signal == 0 ? ending->code : -1;
  }

 private:
  explicit Host(Process process) : process_(std::move(process)) {}
  Process process_;
};

}  // namespace lumen::session
