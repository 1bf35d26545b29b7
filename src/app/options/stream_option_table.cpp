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

Result<void> set_cursor(std::string_view value, StreamOptions& options) {
  using session::CursorMode;
  static constexpr Choice<CursorMode> kChoices[] = {{"auto", CursorMode::kAuto},
                                                    {"embedded", CursorMode::kEmbedded},
                                                    {"metadata", CursorMode::kMetadata},
                                                    {"hidden", CursorMode::kHidden}};
  return choose<&StreamOptions::cursor>(value, options, kChoices);
}

Result<void> set_codec(std::string_view value, StreamOptions& options) {
  static constexpr Choice<std::optional<Codec>> kChoices[] = {
      {"auto", std::nullopt}, {"h264", Codec::kH264}, {"hevc", Codec::kHevc}, {"av1", Codec::kAv1}};
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

// A purpose begins anew: what an earlier layer (the configuration file) has set for another one
// does not belong to it. Its own overrides stand behind it in the table.
void forget_overrides(StreamOptions& options) {
  options.bitrate_bps.reset();
  options.qp.reset();
  options.vbv_frames.reset();
  options.key_interval.reset();
}

Result<void> set_latency(std::string_view value, StreamOptions& options) {
  if (value != "true") return {};
  options.quality.reset();
  forget_overrides(options);
  return {};
}

Result<void> set_quality(std::string_view value, StreamOptions& options) {
  forget_overrides(options);
  static constexpr Choice<Quality> kChoices[] = {{"low", Quality::kLow},
                                                 {"medium", Quality::kMedium},
                                                 {"high", Quality::kHigh},
                                                 {"lossless-like", Quality::kLosslessLike}};
  return choose<&StreamOptions::quality>(value, options, kChoices);
}

Result<void> set_bitrate(std::string_view value, StreamOptions& options) {
  options.qp.reset();
  return store<parse_bit_rate, &StreamOptions::bitrate_bps>(value, options);
}

Result<void> set_qp(std::string_view value, StreamOptions& options) {
  options.bitrate_bps.reset();
  options.vbv_frames.reset();
  return store<parse_quantizer, &StreamOptions::qp>(value, options);
}

Result<void> set_recovery(std::string_view value, StreamOptions& options) {
  static constexpr Choice<Recovery> kChoices[] = {{"auto", Recovery::kAuto},
                                                  {"invalidation", Recovery::kInvalidation},
                                                  {"intra-refresh", Recovery::kIntraRefresh},
                                                  {"key-frame", Recovery::kKeyFrame}};
  return choose<&StreamOptions::recovery>(value, options, kChoices);
}

Result<void> set_entropy(std::string_view value, StreamOptions& options) {
  static constexpr Choice<EntropyCoder> kChoices[] = {{"auto", EntropyCoder::kAuto},
                                                      {"cavlc", EntropyCoder::kCavlc},
                                                      {"cabac", EntropyCoder::kCabac}};
  return choose<&StreamOptions::entropy>(value, options, kChoices);
}

Result<void> set_chroma(std::string_view value, StreamOptions& options) {
  static constexpr Choice<Chroma> kChoices[] = {{"420", Chroma::k420}, {"444", Chroma::k444}};
  return choose<&StreamOptions::chroma>(value, options, kChoices);
}

Result<void> set_damage(std::string_view value, StreamOptions& options) {
  static constexpr Choice<bool> kChoices[] = {{"auto", true}, {"off", false}};
  return choose<&StreamOptions::use_damage>(value, options, kChoices);
}

Result<void> set_notify(std::string_view value, StreamOptions& options) {
  static constexpr Choice<bool> kChoices[] = {{"auto", true}, {"off", false}};
  return choose<&StreamOptions::notify>(value, options, kChoices);
}

Result<void> set_adapt(std::string_view value, StreamOptions& options) {
  if (value != "auto" && value != "off") {
    return fail(ErrorKind::kInvalidArgument, fmt::format("'{}' is not known", value),
                "one of auto, off");
  }
  options.adaptation.enabled = value == "auto";
  return {};
}

template <auto kParse, auto kField>
Result<void> store_adaptation(std::string_view value, StreamOptions& options) {
  auto parsed = kParse(value);
  if (!parsed) return tl::unexpected<Error>(std::move(parsed.error()));
  options.adaptation.*kField = *parsed;
  return {};
}

// What is enough lies half above what is too little, so that a step doesn't undo itself.
Result<void> set_few_bits(std::string_view value, StreamOptions& options) {
  const auto parsed = parse_bits_per_pixel(value);
  if (!parsed) return tl::unexpected<Error>(parsed.error());
  options.adaptation.few_bits = *parsed;
  options.adaptation.enough_bits = *parsed * 1.5;
  return {};
}

template <auto kField>
Result<void> set_switch(std::string_view value, StreamOptions& options) {
  options.*kField = value == "true";
  return {};
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
     "what to stream (default: auto, the best of what runs)\n"
     "auto, gamescope[:N][:size=WxH][:app=ID], mutter[:MONITOR|:virtual=WxH],\n"
     "kwin[:OUTPUT|:window=TITLE|:virtual=WxH], node:NAME, node:id=N,\n"
     "node:serial=N, synthetic[:WxH@FPS],\n"
     "portal[:monitor|:window|:virtual] (asks in a dialog)",
     store<parse_source_spec, &StreamOptions::source>},
    {"cursor", 0, kOne, kAnywhere, "MODE",
     "the mouse pointer: embedded, drawn by the source; metadata, told beside\n"
     "the picture and drawn by lumen; hidden; auto (default): embedded, but what\n"
     "a node tells is drawn",
     set_cursor},
    {"wait", 0, kSwitch, kAnywhere, "",
     "wait for a source that isn't there yet, rather than end with status 3 or\n"
     "4; viewers see meanwhile what is waited for",
     set_switch<&StreamOptions::wait_for_source>},
    {"audio", 0, kOne, kAnywhere, "AUDIO",
     "auto: what the session plays, if anything (default); off; the monitor of\n"
     "a sink: node:NAME, node:id=N, node:serial=N; synthetic[:PPM] beeps",
     store<parse_audio_spec, &StreamOptions::audio>},
    {"sink", 0, kMany, kAnywhere, "SINK",
     "where to, web by default; may be given again\n"
     "file:PATH[?format=mp4|mkv|h264|hevc] (file:- is standard output, as mkv),\n"
     "rtp:HOST:PORT[?pt=N&ssrc=N&mtu=N&mux=1&audio-port=N&sdp=PATH…],\n"
     "whip:URL[?token=TOKEN], a media server's WHIP endpoint,\n"
     "web[:ADDRESS:PORT][?token=on&token-file=PATH&cert=PATH&key=PATH],\n"
     "a page that plays it (default web:127.0.0.1:8000; web:0.0.0.0:8443 is for\n"
     "other machines, too)",
     add_sink},
    {"codec", 0, kOne, kAnywhere, "CODEC", "h264, hevc, av1 or auto (default: auto, which is h264)",
     set_codec},
    {"encoder", 0, kOne, kAnywhere, "ENCODER",
     "auto, nvenc, ffmpeg-nvenc or software\n(default: auto, the first that works)", set_encoder},
    {"zerocopy", 0, kOne, kAnywhere, "MODE",
     "auto: the best import route that works (default); off: CPU routes only;\n"
     "require: exit (8) rather than step down. $LUMEN_ZEROCOPY sets the default",
     set_zerocopy},
    {"latency", 0, kSwitch, kAnywhere, "",
     "for viewers (default): constant bit rate, a buffer of 1.5 frames, key\n"
     "frames on demand, losses repaired without them where the encoder can",
     set_latency, "quality bitrate qp vbv key-interval"},
    {"quality", 0, kOne, kAnywhere, "QUALITY",
     "for recordings: low, medium, high or lossless-like, which is a constant\n"
     "QP of 28, 24, 20 or 16 and a key frame every 2 s",
     set_quality, "bitrate qp vbv key-interval"},
    {"profile", 0, kOne, kAnywhere, "PROFILE",
     "baseline, main or high; for hevc main only\n(default: the encoder's choice)", set_profile},
    {"level", 0, kOne, kAnywhere, "LEVEL",
     "such as 4.1 (default: what size, rate and bit rate need)",
     store<parse_level, &StreamOptions::level>},
    {"preset", 0, kOne, kAnywhere, "PRESET",
     "the encoder's speed preset (default: the encoder's own for the purpose)",
     store<parse_preset, &StreamOptions::preset>},
    {"bitrate", 0, kOne, kAnywhere, "RATE",
     "constant bit rate, such as 20M, 1.5M or 800k (default: 20M; none with\n"
     "--quality)",
     set_bitrate, "qp"},
    {"qp", 0, kOne, kAnywhere, "N", "constant quantizer, 0 to 51, instead of a bit rate", set_qp,
     "bitrate vbv"},
    {"vbv", 0, kOne, kAnywhere, "FRAMES", "a frame may be so many times the average (default: 1.5)",
     store<parse_vbv_frames, &StreamOptions::vbv_frames>},
    {"key-interval", 0, kOne, kAnywhere, "TIME",
     "longest time between key frames, such as 2s, or infinite (default:\n"
     "infinite; 2s with --quality and while a sink's receivers can't ask)",
     store<parse_key_interval, &StreamOptions::key_interval>},
    {"recovery", 0, kOne, kAnywhere, "WAY",
     "how losses are repaired: auto (default), invalidation, intra-refresh,\n"
     "key-frame",
     set_recovery},
    {"refresh-frames", 0, kOne, kAnywhere, "N", "length of an intra-refresh wave (default: 30)",
     store<parse_refresh_frames, &StreamOptions::refresh_frames>},
    {"slices", 0, kOne, kAnywhere, "N", "slices per picture (default: 1)",
     store<parse_slices, &StreamOptions::slices>},
    {"sub-frame", 0, kSwitch, kAnywhere, "",
     "send slices before their picture is complete, where the encoder can",
     set_switch<&StreamOptions::sub_frame>},
    {"entropy", 0, kOne, kAnywhere, "CODER", "auto (default), cavlc or cabac; for h264",
     set_entropy},
    {"chroma", 0, kOne, kAnywhere, "FORMAT",
     "420 (default), or 444: sharp coloured text, where encoder and player can", set_chroma},
    {"bit-depth", 0, kOne, kAnywhere, "N",
     "8, 10 (smooth gradients, HDR), or auto (default): 10 where the source\n"
     "has them and the encoder can; not for h264 and browsers",
     store<parse_bit_depth, &StreamOptions::bit_depth>},
    {"in-place", 0, kSwitch, kAnywhere, "",
     "let NVENC read the producer's pictures and convert their colours itself",
     set_switch<&StreamOptions::in_place>},
    {"damage", 0, kOne, kAnywhere, "MODE",
     "auto (default): encode only what the source says has changed, where the\n"
     "encoder can; off: for a source that says it wrong",
     set_damage},
    {"fps", 0, kOne, kAnywhere, "N", "highest frame rate: 60, 59.94 or 60000/1001 (default: 60)",
     store<parse_frame_rate, &StreamOptions::fps>},
    {"size", 0, kOne, kAnywhere, "WxH",
     "scale to this size, keeping the shape (default: the source's size)",
     store<parse_size, &StreamOptions::size>},
    {"adapt", 0, kOne, kAnywhere, "MODE",
     "auto (default): lower bit rate, frame rate and size while network or\n"
     "encoder can't keep up; off: never",
     set_adapt},
    {"adapt-bitrate", 0, kOne, kAnywhere, "RATE", "never go below this bit rate (default: 300k)",
     store_adaptation<parse_bit_rate, &AdaptationSettings::lowest_bitrate_bps>},
    {"adapt-bits", 0, kOne, kAnywhere, "N",
     "with fewer bits for each pixel than this, send fewer frames, then\n"
     "smaller ones (default: 0.03)",
     set_few_bits},
    {"adapt-pressure", 0, kOne, kAnywhere, "N",
     "step down when a picture keeps the encoder busy for so much of the time\n"
     "until the next (default: 0.9), or fills so much of a queue",
     store_adaptation<parse_share, &AdaptationSettings::high_pressure>},
    {"adapt-peak", 0, kOne, kAnywhere, "N",
     "also when several pictures keep it busy for more than this (default: 2.5)\n"
     "and all together for more than --adapt-room",
     store_adaptation<parse_share, &AdaptationSettings::peak_pressure>},
    {"adapt-window", 0, kOne, kAnywhere, "TIME", "the time that both are seen over (default: 1s)",
     store_adaptation<parse_duration, &AdaptationSettings::window>},
    {"adapt-room", 0, kOne, kAnywhere, "N",
     "step up where it would then be no more than this (default: 0.6)",
     store_adaptation<parse_share, &AdaptationSettings::low_pressure>},
    {"adapt-patience", 0, kOne, kAnywhere, "TIME",
     "and has been for so long (default: 5s); longer after a step too far",
     store_adaptation<parse_duration, &AdaptationSettings::patience>},
    {"adapt-longest-patience", 0, kOne, kAnywhere, "TIME", "but no longer than this (default: 60s)",
     store_adaptation<parse_duration, &AdaptationSettings::longest_patience>},
    {"notify", 0, kOne, kAnywhere, "MODE",
     "auto (default): a desktop notification while somebody watches the page;\n"
     "off: none",
     set_notify},
    {"frames", 0, kOne, kAnywhere, "N", "stop after N frames",
     store<parse_frame_count, &StreamOptions::frames>},
    {"duration", 0, kOne, kAnywhere, "TIME", "stop after 90 (seconds), 90s, 2m, 1h30m, ...",
     store<parse_duration, &StreamOptions::duration>},
    {"qr", 0, kSwitch, kAnywhere, "",
     "show the page's link and its QR code, token included, even where standard\n"
     "error is no terminal",
     set_switch<&StreamOptions::show_qr>},
    {"sdp", 0, kOne, kAnywhere, "PATH", "write the session description of the first RTP sink here",
     store<parse_path, &StreamOptions::sdp_path>},
    {"mirror", 0, kOne, kAnywhere, "HOST:PORT",
     "send a copy of the first network sink's RTP packets here, to look at",
     store<parse_mirror_target, &StreamOptions::mirror>},
    {"name", 0, kOne, kAnywhere, "NAME",
     "what status, ctl and stop call this host (default: host, or the first of\n"
     "host-2, host-3, ... that is free)",
     store<parse_host_name, &StreamOptions::host_name>},
    {"stats", 0, kOne, kAnywhere, "FORMAT",
     "text (default): a progress line on a terminal, else a line every 10 s;\n"
     "json: an object each second, on standard output",
     set_stats},
    {"trace", 0, kOne, kAnywhere, "FILE", "write a trace of every frame, for ui.perfetto.dev",
     store<parse_path, &StreamOptions::trace_path>},
    {"quiet", 'q', kSwitch, kAnywhere, "", "warnings and errors only",
     set_verbosity<log::Verbosity::kQuiet>},
    {"verbose", 'v', kSwitch, kAnywhere, "", "say more about what happens",
     set_verbosity<log::Verbosity::kVerbose>},
    {"config", 0, kOne, kCommandLineOnly, "FILE",
     "read this file instead of $XDG_CONFIG_HOME/lumen/host.toml"},
    {"setup", 0, kOne, kCommandLineOnly, "NAME",
     "with what the file has for this setup, in its table [setup.NAME]"},
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
