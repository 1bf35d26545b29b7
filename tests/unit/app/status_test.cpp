#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "app/status/event_log.h"
#include "app/status/status_json.h"
#include "app/status/status_text.h"

namespace lumen {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

LatencySummary latency(double p50, double p95, double p99) {
  const auto ns = [](double ms) { return Nanoseconds{static_cast<std::int64_t>(ms * 1e6)}; };
  return {.count = 60, .p50 = ns(p50), .p95 = ns(p95), .p99 = ns(p99), .max = ns(p99 + 1)};
}

StreamStatus sample() {
  StreamStatus status;
  status.state = StreamState::kStreaming;
  status.uptime = seconds(12) + milliseconds(400);
  status.source = "PipeWire node gamescope (id 41)";
  status.route = "cpu/shm";
  status.encoder = "libx264";
  status.codec = Codec::kH264;
  status.size = {1920, 1080};
  status.bit_depth = 8;
  status.captured_fps = 60.1;
  status.encoded_fps = 59.96;
  status.bitrate_bps = 19'800'000;
  status.average_bitrate_bps = 19'500'000;
  status.target_bitrate_bps = 20'000'000;
  status.counters = {.captured = 744,
                     .encoded = 740,
                     .superseded = 2,
                     .skipped = 1,
                     .repeated = 2,
                     .waiting = 6,
                     .key_frames = 7,
                     .reconnects = 0,
                     .damage_known = 700,
                     .damage_share = 0.0541};
  status.sinks = {{.name = "file demo.mp4",
                   .state = SinkState::kRunning,
                   .error = {},
                   .stats = {.frames = 740, .bytes = 31'000'000, .packets = 0},
                   .dropped = 0},
                  {.name = "rtp 127.0.0.1:5004",
                   .state = SinkState::kFailed,
                   .error = "port unreachable",
                   .stats = {.frames = 700, .bytes = 30'000'000, .packets = 26'000},
                   .dropped = 4}};
  status.importers = {{"cpu", true, "conversion by the CPU"}};
  status.encoders = {{"ffmpeg-nvenc", false, "no NVIDIA driver"}, {"software", true, "libx264"}};
  status.interval.distances[static_cast<std::size_t>(Distance::kDequeueToFirstPacket)] =
      latency(3.1, 4.0, 5.2);
  status.total = status.interval;
  status.total.clock_anomalies = 5;
  return status;
}

TEST(ProgressLine, HasWhatTheUserWatches) {
  StreamStatus status = sample();
  status.counters.superseded = 0;
  status.counters.skipped = 0;
  status.sinks.clear();
  EXPECT_EQ(progress_line(status, 0),
            "00:12  60.0 fps  19.8 Mb/s  dropped 0  latency 3.1/4.0/5.2 ms  cpu/shm > libx264");
}

TEST(ProgressLine, DroppedCountsSupersededAndOverflowed) {
  EXPECT_THAT(progress_line(sample(), 0), HasSubstr("dropped 7"));
}

TEST(ProgressLine, LeavesWholePartsOutWhereTheTerminalIsNarrow) {
  const std::string full = progress_line(sample(), 0);
  EXPECT_EQ(progress_line(sample(), full.size()), full);
  EXPECT_EQ(progress_line(sample(), full.size() - 1),
            "00:12  60.0 fps  19.8 Mb/s  dropped 7  latency 3.1/4.0/5.2 ms");
  EXPECT_EQ(progress_line(sample(), 30), "00:12  60.0 fps  19.8 Mb/s");
  for (std::size_t columns = 1; columns < 100; ++columns) {
    EXPECT_LE(progress_line(sample(), columns).size(), columns);
  }
}

TEST(ProgressLine, LongStreamsShowHoursAndLowRatesKilobits) {
  StreamStatus status = sample();
  status.uptime = seconds(3 * 3600 + 62);
  status.bitrate_bps = 640'000;
  EXPECT_THAT(progress_line(status, 0), HasSubstr("3:01:02  "));
  EXPECT_THAT(progress_line(status, 0), HasSubstr("  640 kb/s  "));
}

TEST(ProgressLine, StillPictureHasNoLatency) {
  StreamStatus status = sample();
  status.interval = {};
  EXPECT_THAT(progress_line(status, 0), HasSubstr("latency -"));
}

TEST(ProgressLine, SaysWhyNothingStreams) {
  StreamStatus status = sample();
  status.state = StreamState::kReconnecting;
  status.state_reason = "node gamescope is gone";
  EXPECT_EQ(progress_line(status, 0), "00:12  reconnecting: node gamescope is gone  740 frames");
}

TEST(ProgressLine, NamesCannotBreakTheLineOrTheTerminal) {
  StreamStatus status = sample();
  status.state = StreamState::kPaused;
  status.state_reason = "a\nb\x1b[31m\r";
  const std::string line = progress_line(status, 0);
  for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20U);
  status.state_reason = "\xc3\xa4\xc3\xb6\xc3\xbc";  // three letters, six bytes
  EXPECT_EQ(progress_line(status, 18), "00:12  paused: \xc3\xa4\xc3\xb6\xc3\xbc");
  EXPECT_EQ(progress_line(status, 16), "00:12  paused: \xc3\xa4");
}

TEST(StatusJson, IsOneLineWithTheDocumentedKeys) {
  const std::string text = to_json(sample());
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  const json status = json::parse(text);
  EXPECT_EQ(status["version"], 1);
  EXPECT_EQ(status["state"], "streaming");
  EXPECT_TRUE(status["reason"].is_null());
  EXPECT_EQ(status["uptime_s"], 12.4);
  EXPECT_EQ(status["source"], "PipeWire node gamescope (id 41)");
  EXPECT_EQ(status["route"], "cpu/shm");
  EXPECT_EQ(status["encoder"], "libx264");
  EXPECT_EQ(status["codec"], "h264");
  EXPECT_EQ(status["width"], 1920);
  EXPECT_EQ(status["height"], 1080);
  EXPECT_EQ(status["fps"], json({{"captured", 60.1}, {"encoded", 59.96}}));
  EXPECT_EQ(status["bitrate_bps"],
            json({{"current", 19'800'000}, {"average", 19'500'000}, {"target", 20'000'000}}));
  EXPECT_EQ(status["frames"], json({{"captured", 744},
                                    {"encoded", 740},
                                    {"dropped", 7},
                                    {"superseded", 2},
                                    {"skipped", 1},
                                    {"overflowed", 4},
                                    {"repeated", 2},
                                    {"waiting", 6},
                                    {"key", 7}}));
  EXPECT_EQ(status["clock_anomalies"], 5);
  EXPECT_EQ(status["damage"], json({{"frames", 700}, {"share", 0.054}}));
  EXPECT_EQ(status["ladders"]["encoders"], json::parse(R"([
    {"name": "ffmpeg-nvenc", "taken": false, "reason": "no NVIDIA driver"},
    {"name": "software", "taken": true, "reason": "libx264"}])"));
  EXPECT_EQ(status["ladders"]["importers"][0]["name"], "cpu");
  ASSERT_EQ(status["sinks"].size(), 2U);
  EXPECT_TRUE(status["sinks"][0]["error"].is_null());
  EXPECT_EQ(status["sinks"][1], json({{"id", 0},
                                      {"name", "rtp 127.0.0.1:5004"},
                                      {"state", "failed"},
                                      {"error", "port unreachable"},
                                      {"frames", 700},
                                      {"bytes", 30'000'000},
                                      {"packets", 26'000},
                                      {"dropped", 4}}));
}

TEST(StatusJson, TellsDepthAndColoursOfSourceAndStream) {
  StreamStatus status = sample();
  EXPECT_EQ(json::parse(to_json(status))["bit_depth"], 8);
  EXPECT_TRUE(json::parse(to_json(status))["capture"].is_null());
  status.bit_depth = 10;
  status.color = {.matrix = ColorMatrix::kBt2020Ncl,
                  .primaries = ColorPrimaries::kBt2020,
                  .transfer = ColorTransfer::kPq};
  status.capture = CaptureFormat{.format = Fourcc::kXR30,
                                 .size = {1920, 1080},
                                 .memory = "DmaBuf LINEAR",
                                 .color = status.color};
  const json made = json::parse(to_json(status));
  const json color = {{"primaries", "BT.2020"}, {"transfer", "PQ"}, {"hdr", true}};
  EXPECT_EQ(made["bit_depth"], 10);
  EXPECT_EQ(made["color"], color);
  EXPECT_EQ(made["capture"], json({{"format", "xRGB_210LE"},
                                   {"width", 1920},
                                   {"height", 1080},
                                   {"bit_depth", 10},
                                   {"color", color},
                                   {"memory", "DmaBuf LINEAR"}}));
  EXPECT_THAT(exit_report(status), HasSubstr("1920x1080, 10 bits, BT.2020 PQ\n"));
  EXPECT_THAT(exit_report(sample()), HasSubstr("1920x1080\n"));
}

TEST(StatusJson, LatenciesAreMillisecondsPerStage) {
  const json status = json::parse(to_json(sample()));
  EXPECT_EQ(status["latency_ms"]["dequeue_to_first_packet"],
            json({{"count", 60}, {"p50", 3.1}, {"p95", 4.0}, {"p99", 5.2}, {"max", 6.2}}));
  EXPECT_FALSE(status["latency_ms"].contains("convert")) << "nothing was measured";
  EXPECT_TRUE(status["latency_total_ms"].contains("dequeue_to_first_packet"));
}

TEST(StatusJson, ViewersLearnNothingOfFilesAndOtherReceivers) {
  StreamStatus status = sample();
  status.interval.distances[static_cast<std::size_t>(Distance::kTotal)] = {
      .count = 60, .p50 = Nanoseconds(8'200'000), .p95 = Nanoseconds(11'000'000)};
  const json shown = json::parse(to_viewer_json(status));
  EXPECT_EQ(shown["state"], "streaming");
  EXPECT_EQ(shown["latency_ms"], json({{"total", {{"p50", 8.2}, {"p95", 11.0}}}}));
  for (const char* key : {"sinks", "source", "ladders", "reason"}) {
    EXPECT_FALSE(shown.contains(key)) << key;
  }
  status.interval = {};
  EXPECT_EQ(json::parse(to_viewer_json(status))["latency_ms"], json::object());
}

TEST(StatusJson, ViewersLearnWhetherThereIsSound) {
  StreamStatus status = sample();
  const auto sound = [&] { return json::parse(to_viewer_json(status))["sound"]; };
  status.audio.reset();
  EXPECT_EQ(sound(), false);
  status.audio = AudioStatus{.reason = "this session has no sound device"};
  EXPECT_EQ(sound(), false);
  status.audio->packets = 1;
  EXPECT_EQ(sound(), true);
}

TEST(StatusJson, UnknownThingsAreNullAndListsAreLists) {
  const json status = json::parse(to_json(StreamStatus{}));
  for (const char* key : {"source", "route", "encoder", "codec", "width", "height", "bit_depth",
                          "color", "capture"}) {
    EXPECT_TRUE(status[key].is_null()) << key;
  }
  EXPECT_EQ(status["state"], "connecting");
  EXPECT_TRUE(status["damage"]["share"].is_null());
  EXPECT_TRUE(status["bitrate_bps"]["target"].is_null()) << "none with a constant quality";
  EXPECT_TRUE(status["sinks"].is_array());
  EXPECT_TRUE(status["ladders"]["encoders"].is_array());
  EXPECT_TRUE(status["latency_ms"].is_object());
}

TEST(StatusJson, TextThatIsNotUtf8StaysReadable) {
  StreamStatus status = sample();
  status.source = "node \xff\"quoted\"\n";
  EXPECT_THAT(json::parse(to_json(status))["source"].get<std::string>(), HasSubstr("\"quoted\"\n"));
}

StreamStatus reduced_sample() {
  StreamStatus status = sample();
  status.started = Timestamp{seconds(100)};
  Adaptation adaptation({.may_change_size = true});
  adaptation.set_full({.size = {1920, 1080}, .rate = {60, 1}, .bitrate_bps = 20'000'000});
  adaptation.set_bandwidth(4'000'000);
  adaptation.decide(Timestamp{seconds(101)});
  status.adaptation = adaptation.status();
  status.events = {{.kind = EventKind::kTransportError,
                    .subject = "rtp 10.0.0.9:5004",
                    .reason = "io",
                    .text = "no route",
                    .at = Timestamp{seconds(102)}},
                   {.kind = EventKind::kAdapted,
                    .subject = "stream",
                    .reason = "network",
                    .text = "1920x1080 at 45 fps",
                    .at = Timestamp{seconds(103)}}};
  return status;
}

TEST(StatusJson, TellsWhatWasReducedAndWhy) {
  const json status = json::parse(to_json(reduced_sample()));
  const json& adaptation = status["adaptation"];
  EXPECT_EQ(adaptation["cause"], "network");
  EXPECT_EQ(adaptation["network_bps"], 4'000'000);
  EXPECT_EQ(adaptation["bitrate_bps"], 3'600'000);
  EXPECT_EQ(adaptation["text"], "1920x1080 at 60 fps, 3.6 Mb/s");
  EXPECT_EQ(adaptation["qualities"][0]["id"], "auto");
  EXPECT_EQ(status["events"][0], json({{"time_s", 2.0},
                                       {"kind", "transport_error"},
                                       {"subject", "rtp 10.0.0.9:5004"},
                                       {"reason", "io"},
                                       {"text", "no route"}}));
  const json untouched = json::parse(to_json(sample()));
  EXPECT_EQ(untouched["adaptation"]["cause"], "none");
  EXPECT_TRUE(untouched["adaptation"]["network_bps"].is_null());
}

TEST(ViewerJson, TellsAboutThePictureAndNothingOfFilesOrReceivers) {
  const std::string text = to_viewer_json(reduced_sample());
  for (const char* secret : {"demo.mp4", "10.0.0.9", "127.0.0.1", "gamescope", "no route"}) {
    EXPECT_THAT(text, Not(HasSubstr(secret)));
  }
  const json status = json::parse(text);
  EXPECT_EQ(status["quality"], "auto");
  EXPECT_EQ(status["qualities"].size(), 4U);
  EXPECT_EQ(status["adaptation"]["cause"], "network");
}

TEST(ViewerJson, TellsEveryEventWithoutNamesOfOutputsAndTextsOfErrors) {
  StreamStatus status = sample();
  status.started = Timestamp{seconds(100)};
  const auto add = [&](EventKind kind, const char* subject, const char* reason, const char* text) {
    const Timestamp at = status.started + seconds(status.events.size());
    status.events.push_back(
        {.kind = kind, .subject = subject, .reason = reason, .text = text, .at = at});
  };
  add(EventKind::kSenderStarted, "file /home/x/demo.mp4", "first_frame", "");
  add(EventKind::kTransportError, "file /home/x/demo.mp4", "io", "/home/x/demo.mp4: disk full");
  add(EventKind::kSenderStopped, "file /home/x/demo.mp4", "failed", "");
  add(EventKind::kEncodeError, "nvenc", "device_lost", "open /dev/nvidia0: gone");
  add(EventKind::kFallbackTriggered, "nvenc", "device_lost", "");
  add(EventKind::kFallbackCompleted, "software", "replaced", "in place of nvenc");
  add(EventKind::kAdapted, "stream", "network", "1920x1080 at 45 fps");
  const auto event = [](double time_s, const char* kind, const char* subject, const char* reason,
                        const json& text) {
    return json{{"time_s", time_s},
                {"kind", kind},
                {"subject", subject},
                {"reason", reason},
                {"text", text}};
  };
  EXPECT_EQ(json::parse(to_viewer_json(status))["events"],
            json({event(0, "sender_started", "an output", "first_frame", nullptr),
                  event(1, "transport_error", "an output", "io", nullptr),
                  event(2, "sender_stopped", "an output", "failed", nullptr),
                  event(3, "encode_error", "nvenc", "device_lost", nullptr),
                  event(4, "fallback_triggered", "nvenc", "device_lost", nullptr),
                  event(5, "fallback_completed", "software", "replaced", "in place of nvenc"),
                  event(6, "adapted", "stream", "network", "1920x1080 at 45 fps")}));
}

TEST(EventLog, KeepsTheLastFew) {
  EventLog events;
  for (int i = 0; i < 40; ++i) {
    events.add({.kind = EventKind::kAdapted, .subject = "stream", .reason = std::to_string(i)});
  }
  EXPECT_EQ(events.count(), 40U);
  ASSERT_EQ(events.latest().size(), EventLog::kKept);
  EXPECT_EQ(events.latest().back().reason, "39");
}

TEST(ExitReport, TellsHowItWent) {
  StreamStatus status = sample();
  status.state = StreamState::kEnded;
  const std::string report = exit_report(status);
  EXPECT_THAT(report, HasSubstr("ended after 00:12: 740 frames, 59.7 fps, 19.5 Mb/s, 7 dropped"));
  EXPECT_THAT(report, HasSubstr("not ffmpeg-nvenc: no NVIDIA driver\n"));
  EXPECT_THAT(report, Not(HasSubstr("not software")));
  EXPECT_THAT(report, HasSubstr("what had changed: 5% of the picture, in 700 frames"));
  EXPECT_THAT(report, HasSubstr("latency p50/p95/p99: 3.1/4.0/5.2 ms"));
  EXPECT_THAT(report, HasSubstr("file demo.mp4: 740 frames, 31.0 MB\n"));
  EXPECT_THAT(report, HasSubstr("26000 packets, 4 dropped, failed: port unreachable\n"));
}

TEST(ExitReport, OfAStreamThatNeverBegan) {
  StreamStatus status;
  status.state = StreamState::kFailed;
  status.state_reason = "no such node";
  EXPECT_EQ(exit_report(status),
            "failed: no such node after 00:00: 0 frames, 0.0 fps, 0 kb/s, 0 dropped, 0 repeated\n");
}

}  // namespace
}  // namespace lumen
