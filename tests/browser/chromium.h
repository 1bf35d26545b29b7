// A headless Chromium, driven over its DevTools protocol through two pipes
// (--remote-debugging-pipe: JSON messages that end in NUL). It keeps nothing between two runs and
// dies with the test. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "harness/process.h"
#include "platform/linux/unique_fd.h"

namespace lumen::browser {

using nlohmann::json;
using session::Milliseconds;

class Chromium {
 public:
  /// `dir` must be empty; profile and log go there. kUnsupported when it isn't installed.
  static Result<std::unique_ptr<Chromium>> start(const std::filesystem::path& dir);
  Chromium(const Chromium&) = delete;
  Chromium& operator=(const Chromium&) = delete;

  /// A new tab; its number for the calls below.
  Result<std::string> open(const std::string& url, int width = 1280, int height = 800);
  Result<void> navigate(const std::string& tab, const std::string& url);
  /// The value of a JavaScript expression; a promise is waited for. kIo: it threw.
  Result<json> evaluate(const std::string& tab, const std::string& expression,
                        Milliseconds timeout = Milliseconds(20000));
  Result<void> screenshot(const std::string& tab, const std::filesystem::path& png);
  /// A protocol command of that tab's (empty: of the browser's).
  Result<json> command(const std::string& tab, const std::string& method, json parameters,
                       Milliseconds timeout = Milliseconds(20000));

  [[nodiscard]] session::Process& process() { return process_; }

 private:
  Chromium(session::Process process, UniqueFd to, UniqueFd from);
  Result<json> receive(Milliseconds timeout);

  session::Process process_;
  UniqueFd to_;
  UniqueFd from_;
  std::string buffered_;
  int last_id_ = 0;
};

}  // namespace lumen::browser
