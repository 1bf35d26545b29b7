// What the user asked for: command line and configuration file, parsed and checked as far as that
// is possible without looking at the machine. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/options/source_spec.h"
#include "core/geometry.h"
#include "core/log.h"
#include "core/time.h"
#include "encode/video_encoder.h"
#include "zerocopy/planner.h"

namespace lumen {

enum class EncoderChoice : std::uint8_t { kAuto, kNvenc, kFfmpegNvenc, kSoftware };
enum class StatsFormat : std::uint8_t { kText, kJson };
enum class OutputFormat : std::uint8_t { kText, kJson };

std::string_view to_string(EncoderChoice choice);  // as --encoder spells it

/// The defaults are the documented ones.
struct StreamOptions {
  SourceSpec source = AutoSource{};
  std::vector<std::string> sinks;  // "file:PATH", "rtp:HOST:PORT…"; never empty once parsed

  std::optional<Codec> codec;  // none: auto
  EncoderChoice encoder = EncoderChoice::kAuto;
  Profile profile = Profile::kAuto;
  std::string level;   // empty: what size, rate and bit rate need
  std::string preset;  // empty: the encoder's low-latency default
  std::uint64_t bitrate_bps = 20'000'000;
  FrameRate fps{60, 1};        // highest rate; the source may give fewer
  std::optional<Extent> size;  // none: the source's

  ZeroCopy zerocopy = ZeroCopy::kAuto;

  std::uint64_t frames = 0;             // stop after so many; 0: no limit
  std::optional<Nanoseconds> duration;  // stop after so long; none: no limit

  std::optional<std::string> sdp_path;
  std::optional<std::string> trace_path;
  std::optional<StatsFormat> stats;  // none: as kText, but silent with --quiet
  log::Verbosity verbosity = log::Verbosity::kNormal;
};

struct SourcesOptions {
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

using Command = std::variant<StreamOptions, SourcesOptions, ProbeOptions, PrintAndExit>;

}  // namespace lumen
