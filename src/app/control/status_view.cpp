#include "app/control/status_view.h"

#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "app/status/status_text.h"
#include "core/ladder.h"

namespace lumen::control {
namespace {

using Json = nlohmann::ordered_json;

/// The value at a path of keys, or null.
template <typename... Keys>
const Json& at(const Json& object, Keys... keys) {
  static const Json kNull;
  const Json* value = &object;
  for (const char* key : {keys...}) {
    if (!value->is_object() || !value->contains(key)) return kNull;
    value = &(*value)[key];
  }
  return *value;
}

std::string text(const Json& value) { return value.is_string() ? value.get<std::string>() : "-"; }
double number(const Json& value) { return value.is_number() ? value.get<double>() : 0; }

std::string rate(const Json& value) {
  if (!value.is_number()) return "constant quality";
  return fmt::format("{:.1f} Mb/s", value.get<double>() / 1e6);
}

std::string encoder_line(const Json& status) {
  if (!at(status, "encoder").is_string()) return "not open yet";
  return fmt::format(
      "{}, {} {:.0f}x{:.0f}, {:.1f} fps, {} (target {})", text(at(status, "encoder")),
      text(at(status, "codec")), number(at(status, "width")), number(at(status, "height")),
      number(at(status, "fps", "encoded")), rate(at(status, "bitrate_bps", "current")),
      rate(at(status, "bitrate_bps", "target")));
}

std::string sink_line(const Json& sink) {
  std::string line = fmt::format(
      "{:<3.0f} {}: {}, {:.0f} frames, {:.1f} MB", number(at(sink, "id")), text(at(sink, "name")),
      text(at(sink, "state")), number(at(sink, "frames")), number(at(sink, "bytes")) / 1e6);
  if (number(at(sink, "dropped")) > 0) {
    line += fmt::format(", {:.0f} dropped", number(at(sink, "dropped")));
  }
  if (at(sink, "error").is_string()) line += ": " + text(at(sink, "error"));
  return line;
}

}  // namespace

std::string status_view(const Json& status) {
  std::string view;
  const auto row = [&](std::string_view label, const std::string& value) {
    fmt::format_to(std::back_inserter(view), "{:<10}{}\n", label, one_line(value));
  };
  const auto seconds = static_cast<unsigned long>(number(at(status, "uptime_s")));
  std::string state = fmt::format("{} for {}:{:02}:{:02}", text(at(status, "state")),
                                  seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (at(status, "reason").is_string()) state += ": " + text(at(status, "reason"));
  row("state", state);
  row("source", text(at(status, "source")));
  row("route", text(at(status, "route")));
  row("encoder", encoder_line(status));
  if (const Json& total = at(status, "latency_ms", "total"); total.is_object()) {
    row("latency",
        fmt::format("{:.1f}/{:.1f}/{:.1f} ms (p50/p95/p99, capture to sent)",
                    number(at(total, "p50")), number(at(total, "p95")), number(at(total, "p99"))));
  }
  if (const Json& cause = at(status, "adaptation", "cause"); cause.is_string() && cause != "none") {
    row("reduced", fmt::format("{} ({})", text(at(status, "adaptation", "text")), text(cause)));
  }
  row("dropped", fmt::format("{:.0f} frames", number(at(status, "frames", "dropped"))));
  for (const char* ladder : {"importers", "encoders"}) {
    Ladder steps;
    for (const Json& step : at(status, "ladders", ladder)) {
      steps.push_back({.name = text(at(step, "name")),
                       .taken = step.value("taken", false),
                       .reason = step.value("reason", "")});
    }
    for (const LadderStep& step : steps_not_taken(steps)) {
      row("not", step.name + ": " + step.reason);
    }
  }
  for (const Json& sink : at(status, "sinks")) row("sink", sink_line(sink));
  if (at(status, "sinks").empty()) row("sink", "none");
  return view;
}

}  // namespace lumen::control
