// What the user asked for: command line and configuration file, parsed and checked as far as that
// is possible without looking at the machine. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/adaptation/adaptation.h"
#include "app/options/audio_spec.h"
#include "app/options/source_spec.h"
#include "app/options/tool_options.h"
#include "capture/session/cursor_mode.h"
#include "core/geometry.h"
#include "core/log.h"
#include "core/time.h"
#include "encode/video_encoder.h"
#include "sink/rtp/mirror.h"
#include "zerocopy/planner.h"

namespace lumen {

enum class EncoderChoice : std::uint8_t { kAuto, kNvenc, kFfmpegNvenc, kSoftware };
/// What --quality takes: a constant quantizer, for recordings.
enum class Quality : std::uint8_t { kLow, kMedium, kHigh, kLosslessLike };
enum class StatsFormat : std::uint8_t { kText, kJson };

std::string_view to_string(EncoderChoice choice);  // as --encoder spells it

/// The defaults are the documented ones.
struct StreamOptions {
  SourceSpec source = AutoSource{};
  session::CursorMode cursor = session::CursorMode::kAuto;
  AudioSpec audio = AutoAudio{};
  std::vector<std::string> sinks;  // "file:PATH", "rtp:HOST:PORT…"; never empty once parsed

  std::optional<Codec> codec;  // none: auto
  EncoderChoice encoder = EncoderChoice::kAuto;
  std::optional<Quality> quality;  // none: for the lowest latency, at a constant bit rate
  // What the purpose sets, overridden one by one; none: as it is set (encoding_plan.h).
  std::optional<std::uint64_t> bitrate_bps;
  std::optional<unsigned> qp;
  std::optional<double> vbv_frames;
  std::optional<Nanoseconds> key_interval;  // kInfinite: key frames on demand only
  std::string preset;                       // empty: the encoder's default for the purpose
  Recovery recovery = Recovery::kAuto;
  std::optional<unsigned> refresh_frames;
  std::optional<unsigned> slices;
  bool sub_frame = false;
  EntropyCoder entropy = EntropyCoder::kAuto;
  Profile profile = Profile::kAuto;
  std::string level;  // empty: what size, rate and bit rate need
  Chroma chroma = Chroma::k420;
  std::optional<unsigned> bit_depth;  // none: the source's, where that is worth it
  bool in_place = false;
  bool use_damage = true;
  AdaptationSettings adaptation;
  FrameRate fps{60, 1};        // highest rate; the source may give fewer
  std::optional<Extent> size;  // none: the source's

  ZeroCopy zerocopy = ZeroCopy::kAuto;

  bool wait_for_source = false;         // where it isn't there at the start
  bool notify = true;                   // the user, that somebody watches
  std::uint64_t frames = 0;             // stop after so many; 0: no limit
  std::optional<Nanoseconds> duration;  // stop after so long; none: no limit

  std::optional<std::string> sdp_path;
  std::optional<rtp::MirrorTarget> mirror;
  bool show_qr = false;   // of the pages, as WebSettings::show_qr
  std::string host_name;  // for control; empty: the first that is free
  std::optional<std::string> trace_path;
  std::optional<StatsFormat> stats;  // none: as kText, but silent with --quiet
  log::Verbosity verbosity = log::Verbosity::kNormal;
};

struct SourcesOptions {
  OutputFormat format = OutputFormat::kText;
};

struct EncodersOptions {
  OutputFormat format = OutputFormat::kText;
};

struct ProbeOptions {
  OutputFormat format = OutputFormat::kText;
  /// Not for users: the probe runs itself with it, to ask one driver in a process of its own.
  std::string section;
};

/// Help and version: print on standard output and end well.
struct PrintAndExit {
  std::string text;
};

using Command = std::variant<StreamOptions, SourcesOptions, EncodersOptions, ProbeOptions,
                             StatusOptions, CtlOptions, ConfigOptions, DoctorOptions, PrintAndExit>;

}  // namespace lumen
