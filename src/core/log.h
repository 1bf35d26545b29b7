// Logging: one spdlog logger per area ("capture", "encode", …) on standard error.
//
// Under systemd (JOURNAL_STREAM names our stderr) lines carry a <N> priority prefix and no time, as
// sd-daemon(3) asks; on a terminal they are coloured unless NO_COLOR is set. LUMEN_DEBUG=area,area
// (or "all") turns single areas to debug. Any thread.
#pragma once

#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

namespace lumen::log {

enum class Verbosity { kQuiet, kNormal, kVerbose };

/// Call once at start; without it loggers print at info level.
void init(Verbosity verbosity);

/// The logger of an area; made at first use, kept for the life of the process.
spdlog::logger& area(std::string_view name);

}  // namespace lumen::log
