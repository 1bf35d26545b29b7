// The SFU of tools/mediasoup-worker.sh, for tests. Needs LUMEN_SOURCE_DIR.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/process.h"

namespace lumen::session {

/// What a Node program needs to find mediasoup and its worker; none: they were not made. Where they
/// are is the user's cache, not a session's.
inline std::optional<Environment> mediasoup_environment() {
  auto tool = Process::spawn({.argv = {LUMEN_SOURCE_DIR "/tools/mediasoup-worker.sh", "env"},
                              .env = inherited_environment(),
                              .standard_output = StandardOutput::kPipe});
  if (!tool) return std::nullopt;
  const auto text = tool->read_value("export NODE_PATH=", Milliseconds(10000));
  if (!text) return std::nullopt;
  constexpr std::string_view kWorker = " MEDIASOUP_WORKER_BIN=";
  const auto at = text->find(kWorker);
  if (at == std::string::npos) return std::nullopt;
  return Environment{{"NODE_PATH", text->substr(0, at)},
                     {"MEDIASOUP_WORKER_BIN", text->substr(at + kWorker.size())}};
}

}  // namespace lumen::session
