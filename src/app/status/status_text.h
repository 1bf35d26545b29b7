// A stream's status for people. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "app/status/stream_status.h"

namespace lumen {

/// One line without line end, at most `columns` wide (0: no limit):
///   00:12  60.0 fps  19.8 Mb/s  dropped 0  latency 3.1/4.0/5.2 ms  cpu/shm > libx264
/// The latency is p50/p95/p99 from the frame's arrival to its first packet or write, since the last
/// status. What doesn't fit is left out from the end, whole parts at a time. Instead of numbers the
/// line names the state while nothing streams.
std::string progress_line(const StreamStatus& status, std::size_t columns);

/// A node's name or a message may hold line ends and escape sequences; a status line must not.
std::string one_line(std::string text);

/// What `systemctl status` shows: "streaming PipeWire node gamescope (id 41), libx264 1920x1080, 2
/// sinks". Changes only when one of these does.
std::string service_line(const StreamStatus& status);

/// A few lines, each ended, about the whole stream.
std::string exit_report(const StreamStatus& status);

}  // namespace lumen
