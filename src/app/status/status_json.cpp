#include "app/status/status_json.h"

#include <cmath>

#include <nlohmann/json.hpp>

namespace lumen {
namespace {

using Json = nlohmann::ordered_json;

// Three digits after the point are plenty: microseconds in milliseconds, thousandths of a frame.
double rounded(double value) { return std::round(value * 1e3) / 1e3; }

double rounded_milliseconds(Nanoseconds time) {
  return rounded(static_cast<double>(time.count()) / 1e6);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json latencies(const StageSummary& stages) {
  Json result = Json::object();
  for (std::size_t i = 0; i < kDistanceCount; ++i) {
    const LatencySummary& latency = stages.distances[i];
    if (latency.count == 0) continue;
    result[std::string(to_string(static_cast<Distance>(i)))] = {
        {"count", latency.count},
        {"p50", rounded_milliseconds(latency.p50)},
        {"p95", rounded_milliseconds(latency.p95)},
        {"p99", rounded_milliseconds(latency.p99)},
        {"max", rounded_milliseconds(latency.max)}};
  }
  return result;
}

Json sinks_json(const std::vector<SinkStatus>& sinks) {
  Json result = Json::array();
  for (const SinkStatus& sink : sinks) {
    result.push_back({{"id", sink.id},
                      {"name", sink.name},
                      {"state", to_string(sink.state)},
                      {"error", text_or_null(sink.error)},
                      {"frames", sink.stats.frames},
                      {"bytes", sink.stats.bytes},
                      {"packets", sink.stats.packets},
                      {"dropped", sink.dropped}});
  }
  return result;
}

Json audio_json(const std::optional<AudioStatus>& audio) {
  if (!audio) return nullptr;
  return {{"state", to_string(audio->state)},
          {"reason", text_or_null(audio->reason)},
          {"source", text_or_null(audio->source)},
          {"codec", "opus"},
          {"packets", audio->packets},
          {"bytes", audio->bytes},
          {"gaps", audio->gaps},
          {"lost", audio->lost},
          {"drift_ppm", rounded(audio->drift_ppm)}};
}

Json ladder_json(const Ladder& ladder) {
  Json result = Json::array();
  for (const LadderStep& step : ladder) {
    result.push_back({{"name", step.name}, {"taken", step.taken}, {"reason", step.reason}});
  }
  return result;
}

Json adaptation_json(const AdaptationStatus& status) {
  Json qualities = Json::array();
  for (const QualityChoice& choice : status.qualities) {
    qualities.push_back({{"id", choice.id}, {"label", choice.label}});
  }
  const StreamShape& shape = status.shape;
  return {{"level", status.level},
          {"cause", to_string(status.cause)},
          {"width", shape.size.width},
          {"height", shape.size.height},
          {"fps", shape.rate.variable() ? Json(nullptr) : Json(rounded(shape.rate.value()))},
          {"bitrate_bps", shape.bitrate_bps == 0 ? Json(nullptr) : Json(shape.bitrate_bps)},
          {"text", shape.size.empty() ? Json(nullptr) : Json(describe(shape))},
          {"changes", status.changes},
          {"pressure", {{"average", rounded(status.pressure)}, {"peak", rounded(status.peak)}}},
          {"network_bps", status.network_bps == 0 ? Json(nullptr) : Json(status.network_bps)},
          {"quality", status.quality},
          {"qualities", std::move(qualities)}};
}

Json event_json(const StreamEvent& event, Timestamp start) {
  return {{"time_s", rounded(std::chrono::duration<double>(event.at - start).count())},
          {"kind", to_string(event.kind)},
          {"subject", event.subject},
          {"reason", event.reason},
          {"text", text_or_null(event.text)}};
}

Json events_json(const StreamStatus& status) {
  Json result = Json::array();
  for (const StreamEvent& event : status.events) {
    result.push_back(event_json(event, status.started));
  }
  return result;
}

/// Outputs have paths and addresses for names, and errors quote them.
StreamEvent as_viewers_see(StreamEvent event) {
  switch (event.kind) {
    case EventKind::kSenderStarted:
    case EventKind::kSenderStopped:
    case EventKind::kTransportError: event.subject = "an output"; [[fallthrough]];
    case EventKind::kEncodeError: event.text.clear(); break;
    case EventKind::kFallbackTriggered:
    case EventKind::kFallbackCompleted:
    case EventKind::kAdapted: break;
  }
  return event;
}

Json color_json(const ColorDescription& color) {
  return {{"primaries", to_string(color.primaries)},
          {"transfer", to_string(color.transfer)},
          {"hdr", is_hdr(color)}};
}

Json capture_json(const std::optional<CaptureFormat>& capture) {
  if (!capture) return nullptr;
  return {{"format", to_string(capture->format)}, {"width", capture->size.width},
          {"height", capture->size.height},       {"bit_depth", bit_depth(capture->format)},
          {"color", color_json(capture->color)},  {"memory", capture->memory}};
}

}  // namespace

std::string to_json(const StreamStatus& status) {
  const StreamCounters& counters = status.counters;
  const bool sized = !status.size.empty();
  const Json json = {
      {"version", 1},
      {"state", to_string(status.state)},
      {"reason", text_or_null(status.state_reason)},
      {"uptime_s", rounded(static_cast<double>(status.uptime.count()) / 1e9)},
      {"source", text_or_null(status.source)},
      {"route", text_or_null(status.route)},
      {"encoder", text_or_null(status.encoder)},
      {"codec", status.codec ? Json(to_string(*status.codec)) : Json(nullptr)},
      {"width", sized ? Json(status.size.width) : Json(nullptr)},
      {"height", sized ? Json(status.size.height) : Json(nullptr)},
      {"bit_depth", sized ? Json(status.bit_depth) : Json(nullptr)},
      {"color", sized ? color_json(status.color) : Json(nullptr)},
      {"capture", capture_json(status.capture)},
      {"fps",
       {{"captured", rounded(status.captured_fps)}, {"encoded", rounded(status.encoded_fps)}}},
      {"bitrate_bps",
       {{"current", status.bitrate_bps},
        {"average", status.average_bitrate_bps},
        {"target",
         status.target_bitrate_bps == 0 ? Json(nullptr) : Json(status.target_bitrate_bps)}}},
      {"frames",
       {{"captured", counters.captured},
        {"encoded", counters.encoded},
        {"dropped", status.dropped()},
        {"superseded", counters.superseded},
        {"skipped", counters.skipped},
        {"overflowed", status.dropped_in_send()},
        {"repeated", counters.repeated},
        {"waiting", counters.waiting},
        {"key", counters.key_frames}}},
      {"damage",
       {{"frames", counters.damage_known},
        {"share",
         counters.damage_known == 0 ? Json(nullptr) : Json(rounded(counters.damage_share))}}},
      {"pool",
       {{"allocated", status.pool.allocated},
        {"in_use", status.pool.in_use},
        {"limit", status.pool.limit}}},
      {"reconnects", counters.reconnects},
      {"latency_ms", latencies(status.interval)},
      {"latency_total_ms", latencies(status.total)},
      {"clock_anomalies", status.total.clock_anomalies},
      {"adaptation", adaptation_json(status.adaptation)},
      {"events", events_json(status)},
      {"audio", audio_json(status.audio)},
      {"sinks", sinks_json(status.sinks)},
      {"ladders",
       {{"importers", ladder_json(status.importers)}, {"encoders", ladder_json(status.encoders)}}},
  };
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_viewer_json(const StreamStatus& status) {
  const Json all = Json::parse(to_json(status));
  Json shown = Json::object();
  for (const char* key : {"version", "state", "route", "encoder", "codec", "width", "height", "fps",
                          "bitrate_bps", "adaptation"}) {
    shown[key] = all[key];
  }
  for (const char* key : {"quality", "qualities"}) {
    shown[key] = all["adaptation"][key];
    shown["adaptation"].erase(key);
  }
  shown["sound"] = status.audio && status.audio->packets > 0;
  shown["events"] = Json::array();
  for (const StreamEvent& event : status.events) {
    shown["events"].push_back(event_json(as_viewers_see(event), status.started));
  }
  Json latency = Json::object();
  if (const auto& total = all["latency_ms"]; total.contains("total")) {
    for (const char* key : {"p50", "p95"}) latency["total"][key] = total["total"][key];
  }
  shown["latency_ms"] = std::move(latency);
  return shown.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lumen
