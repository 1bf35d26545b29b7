// A stream's status for programs: what --stats json prints each second. Pure.
//
// One object on one line. Keys are only ever added. Times are numbers in the unit their key names;
// strings and numbers that aren't known yet are null.
//   version          1
//   state            "connecting" | "streaming" | "paused" | "reconnecting" | "idle" (nobody
//                    watches) | "stopping" | "ended" | "failed"
//   reason           why, or null
//   uptime_s
//   source, route, encoder, codec, width, height
//   bit_depth, color {primaries, transfer, hdr}: of the stream
//   capture          {format, width, height, bit_depth, color, memory}: what was negotiated with
//                    the source
//   fps              {captured, encoded}: over the last second
//   bitrate_bps      {current, average, target}; target is null with a constant quality
//   frames           {captured, encoded, dropped, superseded, skipped, overflowed, repeated,
//   waiting, key}:
//                    since start; waiting: besides, lumen's own pictures; dropped = superseded
//                    (before they were encoded) + skipped (in import or encoder) + overflowed (in
//                    sending)
//   damage           {frames, share}: encoded frames of which the source said what had changed, and
//                    how much of them that was on average, 0 to 1
//   pool             {allocated, in_use, limit}: pictures of the route, held by the encoder or free
//   reconnects
//   latency_ms       stage → {count, p50, p95, p99, max}, since the last line; stages without a
//                    frame are left out
//   latency_total_ms the same since start
//   clock_anomalies  frames whose producer's clock ran ahead
//   adaptation       {level, cause, width, height, fps, bitrate_bps, text, changes, pressure
//   {average,
//                    peak}, network_bps, quality, qualities [{id, label}]}: what is asked of the
//                    encoder; level 0 and cause "none" where that is all; network_bps is null where
//                    no limit is known
//   events           [{time_s, kind, subject, reason, text}]: the last few; time_s since start
//   audio            {state, reason, source, codec, packets, bytes, gaps, lost, drift_ppm}, or null
//                    where none is wanted; state is "waiting", "paused" or "streaming"; drift_ppm:
//                    how much too fast the sound's clock runs
//   sinks            [{id, name, state, error, frames, bytes, packets, dropped}]
//   ladders          {importers, encoders}: [{name, taken, reason}], best first; the reason says
//   why
//                    a step was not taken, or what it is
#pragma once

#include <string>

#include "app/status/stream_status.h"

namespace lumen {

/// Without a line end. Text that isn't UTF-8 is repaired, never refused.
std::string to_json(const StreamStatus& status);

/// What a viewer may know: state, route, encoder, codec, width, height, fps, bitrate_bps,
/// adaptation; of latency_ms p50 and p95 of total (capture to sent); the events, where each output
/// is "an output" and errors are a reason without a text; quality and qualities, at the top.
/// Nothing about files, other receivers or this machine.
std::string to_viewer_json(const StreamStatus& status);

}  // namespace lumen
