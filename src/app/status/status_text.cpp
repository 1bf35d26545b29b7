#include "app/status/status_text.h"

#include <iterator>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace lumen {
namespace {

std::string clock_text(Nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  if (seconds < 3600) return fmt::format("{:02}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

double milliseconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

std::string bit_rate_text(std::uint64_t bps) {
  const auto value = static_cast<double>(bps);
  return bps < 1'000'000 ? fmt::format("{:.0f} kb/s", value / 1e3)
                         : fmt::format("{:.1f} Mb/s", value / 1e6);
}

std::string bytes_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value < 1e6) return fmt::format("{:.0f} kB", value / 1e3);
  if (value < 1e9) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.2f} GB", value / 1e9);
}

std::string latency_text(const LatencySummary& latency) {
  return fmt::format("{:.1f}/{:.1f}/{:.1f} ms", milliseconds(latency.p50),
                     milliseconds(latency.p95), milliseconds(latency.p99));
}

std::string state_text(const StreamStatus& status) {
  std::string text(to_string(status.state));
  if (!status.state_reason.empty()) text += ": " + status.state_reason;
  return text;
}

// Columns on a terminal, one per UTF-8 character: near enough for names.
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::size_t width(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += is_continuation(c) ? 0 : 1;
  return count;
}

std::string cut(std::string_view text, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t count = 0; end < text.size(); ++end) {
    if (!is_continuation(text[end]) && count++ == columns) break;
  }
  return std::string(text.substr(0, end));
}

/// What is not ordinary about the samples.
std::string depth_text(const StreamStatus& status) {
  std::string text;
  if (status.bit_depth > 8) text = fmt::format(", {} bits", status.bit_depth);
  if (is_hdr(status.color)) text += ", " + describe(status.color);
  return text;
}

}  // namespace

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

std::string progress_line(const StreamStatus& status, std::size_t columns) {
  std::vector<std::string> parts{clock_text(status.uptime)};
  if (status.state == StreamState::kStreaming) {
    parts.push_back(fmt::format("{:.1f} fps", status.encoded_fps));
    parts.push_back(bit_rate_text(status.bitrate_bps));
    parts.push_back(fmt::format("dropped {}", status.dropped()));
    const LatencySummary& latency = status.interval[Distance::kDequeueToFirstPacket];
    parts.push_back(latency.count == 0 ? "latency -" : "latency " + latency_text(latency));
    if (status.adaptation.cause != AdaptationCause::kNone) {
      parts.push_back(fmt::format("reduced ({})", to_string(status.adaptation.cause)));
    }
    if (!status.route.empty() || !status.encoder.empty()) {
      parts.push_back(fmt::format("{} > {}", status.route.empty() ? "-" : status.route,
                                  status.encoder.empty() ? "-" : status.encoder));
    }
  } else {
    parts.push_back(state_text(status));
    if (status.counters.encoded > 0) {
      parts.push_back(fmt::format("{} frames", status.counters.encoded));
    }
  }
  std::string line = one_line(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string part = "  " + one_line(parts[i]);
    if (columns != 0 && width(line) + width(part) > columns) {
      if (i == 1) line += part;  // half of the most important part beats none
      break;
    }
    line += part;
  }
  return columns == 0 ? line : cut(line, columns);
}

std::string service_line(const StreamStatus& status) {
  std::string line(state_text(status));
  if (status.state == StreamState::kStreaming) line += " " + status.source;
  if (!status.encoder.empty()) {
    line += fmt::format(", {} {}x{}", status.encoder, status.size.width, status.size.height);
  }
  std::size_t running = 0;
  for (const SinkStatus& sink : status.sinks) running += sink.state == SinkState::kRunning ? 1 : 0;
  return one_line(line + fmt::format(", {} sink{}", running, running == 1 ? "" : "s"));
}

std::string exit_report(const StreamStatus& status) {
  std::string text;
  const auto out = std::back_inserter(text);
  const StreamCounters& counters = status.counters;
  const double seconds = milliseconds(status.uptime) / 1e3;
  fmt::format_to(out, "{} after {}: {} frames, {:.1f} fps, {}, {} dropped, {} repeated\n",
                 one_line(state_text(status)), clock_text(status.uptime), counters.encoded,
                 seconds > 0 ? static_cast<double>(counters.encoded) / seconds : 0.0,
                 bit_rate_text(status.average_bitrate_bps), status.dropped(), counters.repeated);
  if (!status.encoder.empty()) {
    fmt::format_to(out, "  {} > {} > {}, {}x{}{}\n", one_line(status.source),
                   status.route.empty() ? "-" : one_line(status.route), one_line(status.encoder),
                   status.size.width, status.size.height, depth_text(status));
  }
  for (const Ladder* ladder : {&status.importers, &status.encoders}) {
    for (const LadderStep& step : steps_not_taken(*ladder)) {
      fmt::format_to(out, "  not {}: {}\n", one_line(step.name), one_line(step.reason));
    }
  }
  if (const auto& latency = status.total[Distance::kDequeueToFirstPacket]; latency.count > 0) {
    fmt::format_to(
        out, "  latency p50/p95/p99: {} (convert {}, encode {}, queue {}), longest {:.1f} ms\n",
        latency_text(latency), latency_text(status.total[Distance::kConvert]),
        latency_text(status.total[Distance::kEncode]), latency_text(status.total[Distance::kQueue]),
        milliseconds(latency.max));
  }
  if (counters.damage_known > 0) {
    fmt::format_to(out,
                   "  the source said what had changed: {:.0f}% of the picture, in {} frames\n",
                   counters.damage_share * 100, counters.damage_known);
  }
  if (const AdaptationStatus& adaptation = status.adaptation; adaptation.changes > 0) {
    fmt::format_to(out, "  adapted {} times; in the end {}\n", adaptation.changes,
                   describe(adaptation.shape));
  }
  if (counters.reconnects > 0) {
    fmt::format_to(out, "  the source was lost and found again {} times\n", counters.reconnects);
  }
  if (status.audio && status.audio->packets > 0) {
    fmt::format_to(out, "  sound of {}: {}, its clock {:+.1f} ppm, {} gaps\n",
                   one_line(status.audio->source), bytes_text(status.audio->bytes),
                   status.audio->drift_ppm, status.audio->gaps);
  } else if (status.audio) {
    fmt::format_to(out, "  no sound{}{}\n", status.audio->reason.empty() ? "" : ": ",
                   one_line(status.audio->reason));
  }
  for (const SinkStatus& sink : status.sinks) {
    fmt::format_to(out, "  {}: {} frames, {}", one_line(sink.name), sink.stats.frames,
                   bytes_text(sink.stats.bytes));
    if (sink.stats.packets > 0) fmt::format_to(out, ", {} packets", sink.stats.packets);
    if (sink.dropped > 0) fmt::format_to(out, ", {} dropped", sink.dropped);
    if (!sink.error.empty()) {
      fmt::format_to(out, ", {}: {}", to_string(sink.state), one_line(sink.error));
    }
    text += '\n';
  }
  return text;
}

}  // namespace lumen
