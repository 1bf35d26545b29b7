#include "app/options/stream_option_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "app/options/value_parsers.h"
#include "sink/sink_spec.h"

namespace lumen {
namespace {

// Stores a parsed value in a field.
template <auto kParse, auto kField>
Result<void> store(std::string_view value, StreamOptions& options) {
  auto parsed = kParse(value);
  if (!parsed) return tl::unexpected<Error>(std::move(parsed.error()));
  options.*kField = std::move(*parsed);
  return {};
}

template <typename Value>
struct Choice {
  std::string_view name;
  Value value;
};

template <auto kField, typename Value, std::size_t kCount>
Result<void> choose(std::string_view value, StreamOptions& options,
                    const Choice<Value> (&choices)[kCount]) {
  std::string names;
  for (const Choice<Value>& choice : choices) {
    if (choice.name == value) {
      options.*kField = choice.value;
      return {};
    }
    names += (names.empty() ? "" : ", ") + std::string(choice.name);
  }
  return fail(ErrorKind::kInvalidArgument, fmt::format("'{}' is not known", value),
              "one of " + names);
}

// Only checked here; whoever makes the sinks parses them again.
Result<void> add_sink(std::string_view value, StreamOptions& options) {
  if (auto parsed = parse_sink_spec(value); !parsed) {
    return tl::unexpected<Error>(std::move(parsed.error()));
  }
  options.sinks.emplace_back(value);
  return {};
}

Result<void> set_codec(std::string_view value, StreamOptions& options) {
  static constexpr Choice<std::optional<Codec>> kChoices[] = {
      {"auto", std::nullopt}, {"h264", Codec::kH264}, {"hevc", Codec::kHevc}};
  return choose<&StreamOptions::codec>(value, options, kChoices);
}

Result<void> set_encoder(std::string_view value, StreamOptions& options) {
  static constexpr Choice<EncoderChoice> kChoices[] = {
      {"auto", EncoderChoice::kAuto},
      {"nvenc", EncoderChoice::kNvenc},
      {"ffmpeg-nvenc", EncoderChoice::kFfmpegNvenc},
      {"software", EncoderChoice::kSoftware}};
  return choose<&StreamOptions::encoder>(value, options, kChoices);
}

Result<void> set_zerocopy(std::string_view value, StreamOptions& options) {
  static constexpr Choice<ZeroCopy> kChoices[] = {
      {"auto", ZeroCopy::kAuto}, {"off", ZeroCopy::kOff}, {"require", ZeroCopy::kRequire}};
  return choose<&StreamOptions::zerocopy>(value, options, kChoices);
}

Result<void> set_profile(std::string_view value, StreamOptions& options) {
  static constexpr Choice<Profile> kChoices[] = {
      {"baseline", Profile::kBaseline}, {"main", Profile::kMain}, {"high", Profile::kHigh}};
  return choose<&StreamOptions::profile>(value, options, kChoices);
}

Result<void> set_stats(std::string_view value, StreamOptions& options) {
  static constexpr Choice<StatsFormat> kChoices[] = {{"text", StatsFormat::kText},
                                                     {"json", StatsFormat::kJson}};
  return choose<&StreamOptions::stats>(value, options, kChoices);
}

template <log::Verbosity kVerbosity>
Result<void> set_verbosity(std::string_view value, StreamOptions& options) {
  if (value == "true") options.verbosity = kVerbosity;
  return {};
}

constexpr OptionArity kSwitch = OptionArity::kSwitch;
constexpr OptionArity kOne = OptionArity::kOne;
constexpr OptionArity kMany = OptionArity::kMany;
constexpr OptionPlace kAnywhere = OptionPlace::kAnywhere;
constexpr OptionPlace kCommandLineOnly = OptionPlace::kCommandLineOnly;

constexpr StreamOption kTable[] = {
    {"source", 0, kOne, kAnywhere, "SOURCE",
     "what to stream (default: auto, the only video node there is)\n"
     "auto, node:NAME, node:id=N, node:serial=N, synthetic[:WxH@FPS]",
     store<parse_source_spec, &StreamOptions::source>},
    {"sink", 0, kMany, kAnywhere, "SINK",
     "where to; at least one, may be given again\n"
     "file:PATH[?format=mp4|mkv|h264|hevc] (file:- is standard output, as mkv),\n"
     "rtp:HOST:PORT[?pt=N&ssrc=N&mtu=N&sdp=PATH]",
     add_sink},
    {"codec", 0, kOne, kAnywhere, "CODEC", "h264, hevc or auto (default: auto, which is h264)",
     set_codec},
    {"encoder", 0, kOne, kAnywhere, "ENCODER",
     "auto, nvenc, ffmpeg-nvenc or software\n(default: auto, the first that works)", set_encoder},
    {"zerocopy", 0, kOne, kAnywhere, "MODE",
     "auto: the best import route that works (default); off: CPU routes only;\n"
     "require: exit (8) rather than step down. $LUMEN_ZEROCOPY sets the default",
     set_zerocopy},
    {"profile", 0, kOne, kAnywhere, "PROFILE",
     "baseline, main or high; for hevc main only\n(default: the encoder's choice)", set_profile},
    {"level", 0, kOne, kAnywhere, "LEVEL",
     "such as 4.1 (default: what size, rate and bit rate need)",
     store<parse_level, &StreamOptions::level>},
    {"preset", 0, kOne, kAnywhere, "PRESET",
     "the encoder's speed preset (default: the encoder's low-latency default)",
     store<parse_preset, &StreamOptions::preset>},
    {"bitrate", 0, kOne, kAnywhere, "RATE",
     "bits per second, such as 20M, 1.5M or 800k (default: 20M)",
     store<parse_bit_rate, &StreamOptions::bitrate_bps>},
    {"fps", 0, kOne, kAnywhere, "N", "highest frame rate: 60, 59.94 or 60000/1001 (default: 60)",
     store<parse_frame_rate, &StreamOptions::fps>},
    {"size", 0, kOne, kAnywhere, "WxH",
     "scale to this size, keeping the shape (default: the source's size)",
     store<parse_size, &StreamOptions::size>},
    {"frames", 0, kOne, kAnywhere, "N", "stop after N frames",
     store<parse_frame_count, &StreamOptions::frames>},
    {"duration", 0, kOne, kAnywhere, "TIME", "stop after 90 (seconds), 90s, 2m, 1h30m, ...",
     store<parse_duration, &StreamOptions::duration>},
    {"sdp", 0, kOne, kAnywhere, "PATH", "write the session description of the first RTP sink here",
     store<parse_path, &StreamOptions::sdp_path>},
    {"stats", 0, kOne, kAnywhere, "FORMAT",
     "text: a progress line on a terminal, a line every 10 s elsewhere (default);\n"
     "json: an object each second, on standard output",
     set_stats},
    {"trace", 0, kOne, kAnywhere, "FILE", "write a trace of every frame, for ui.perfetto.dev",
     store<parse_path, &StreamOptions::trace_path>},
    {"quiet", 'q', kSwitch, kAnywhere, "", "warnings and errors only",
     set_verbosity<log::Verbosity::kQuiet>},
    {"verbose", 'v', kSwitch, kAnywhere, "", "say more about what happens",
     set_verbosity<log::Verbosity::kVerbose>},
    {"config", 0, kOne, kCommandLineOnly, "FILE",
     "read this file instead of $XDG_CONFIG_HOME/lumen/config.toml"},
    {"no-config", 0, kSwitch, kCommandLineOnly, "", "read no configuration file"},
    {"help", 'h', kSwitch, kCommandLineOnly, "", "print this and exit"},
};

}  // namespace

std::string_view to_string(EncoderChoice choice) {
  switch (choice) {
    case EncoderChoice::kNvenc: return "nvenc";
    case EncoderChoice::kFfmpegNvenc: return "ffmpeg-nvenc";
    case EncoderChoice::kSoftware: return "software";
    case EncoderChoice::kAuto: break;
  }
  return "auto";
}

std::span<const StreamOption> stream_options_table() { return kTable; }

const StreamOption* find_stream_option(std::string_view name) {
  const auto found = std::find_if(std::begin(kTable), std::end(kTable),
                                  [&](const StreamOption& option) { return option.name == name; });
  return found == std::end(kTable) ? nullptr : found;
}

}  // namespace lumen
