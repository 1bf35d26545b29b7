#include "app/options/encoding_plan.h"

#include <algorithm>
#include <chrono>

#include "app/options/value_parsers.h"
#include "sink/sink_spec.h"

namespace lumen {
namespace {

constexpr Nanoseconds kRecordingInterval = std::chrono::seconds{2};

unsigned quantizer_of(Quality quality) {
  switch (quality) {
    case Quality::kLow: return 28;
    case Quality::kMedium: return 24;
    case Quality::kHigh: return 20;
    case Quality::kLosslessLike: break;
  }
  return 16;
}

bool has_sink(const StreamOptions& options, bool (&is)(const SinkSpec&)) {
  return std::ranges::any_of(options.sinks, [&](const std::string& sink) {
    const auto spec = parse_sink_spec(sink);
    return spec && is(*spec);
  });
}

/// 4:2:0 with 8 bits, or what the source has.
bool is_plain(const StreamOptions& options) {
  return options.chroma == Chroma::k420 && options.bit_depth.value_or(8) == 8;
}

/// H.264's High 10 is decoded by hardly any hardware, browsers are told the depth before there is a
/// source, and NVENC's own conversion has eight bits.
bool depth_follows_source(const StreamOptions& options, Codec codec) {
  return !options.bit_depth && codec != Codec::kH264 && options.profile == Profile::kAuto &&
         !options.in_place && !has_sink(options, is_for_browsers);
}

Result<void> check(const StreamOptions& options) {
  if (options.qp && options.bitrate_bps) {
    return fail(ErrorKind::kInvalidArgument, "--qp and --bitrate exclude each other",
                "a constant quantizer makes its own bit rate; leave one of them out");
  }
  const bool constant_quality = options.qp || (options.quality && !options.bitrate_bps);
  if (constant_quality && options.vbv_frames) {
    return fail(ErrorKind::kInvalidArgument, "--vbv belongs to a bit rate, and there is none",
                "add --bitrate, or leave --vbv out");
  }
  if (options.adaptation.low_pressure >= options.adaptation.high_pressure) {
    return fail(ErrorKind::kInvalidArgument, "--adapt-room has to be below --adapt-pressure",
                "for example --adapt-pressure 0.9 --adapt-room 0.6");
  }
  if (options.adaptation.window < std::chrono::milliseconds{100} ||
      options.adaptation.window > std::chrono::minutes{1}) {
    return fail(ErrorKind::kInvalidArgument, "--adapt-window is 0.1 to 60 seconds",
                "for example --adapt-window 2s");
  }
  if (options.sub_frame && options.slices.value_or(2) < 2) {
    return fail(ErrorKind::kInvalidArgument, "--sub-frame sends slices, and there is only one",
                "add --slices 4, or leave --sub-frame out");
  }
  if (options.profile == Profile::kBaseline && options.entropy == EntropyCoder::kCabac) {
    return fail(ErrorKind::kInvalidArgument, "the baseline profile has no CABAC",
                "use --profile main, or --entropy cavlc");
  }
  if (has_sink(options, takes_h264_only) && options.codec.value_or(Codec::kH264) != Codec::kH264) {
    return fail(ErrorKind::kInvalidArgument, "--sink whip sends H.264 only",
                "leave --codec out, or use --codec h264");
  }
  if (!is_plain(options) && options.profile != Profile::kAuto) {
    return fail(ErrorKind::kInvalidArgument,
                "--profile is for 4:2:0 with 8 bits; others have one profile each",
                "leave --profile out");
  }
  return {};
}

}  // namespace

Result<EncodingPlan> plan_encoding(const StreamOptions& options) {
  if (auto sound = check(options); !sound) return tl::unexpected(std::move(sound.error()));
  EncodingPlan plan;
  EncoderSettings& video = plan.video;
  video.codec = options.codec.value_or(Codec::kH264);
  video.rate = options.fps;
  if (options.bitrate_bps) {
    video.bitrate_bps = *options.bitrate_bps;
  } else if (options.qp) {
    video.constant_qp = options.qp;
  } else if (options.quality) {
    video.constant_qp = quantizer_of(*options.quality);
  }
  video.vbv_frames = options.vbv_frames.value_or(video.vbv_frames);
  video.in_place = options.in_place;
  video.recovery = options.recovery;
  video.refresh_frames = options.refresh_frames.value_or(video.refresh_frames);
  video.sub_frame = options.sub_frame;
  video.slices = options.slices.value_or(options.sub_frame ? 4 : video.slices);
  video.entropy = options.entropy;
  video.profile = options.profile;
  const bool open = options.profile == Profile::kAuto && options.entropy != EntropyCoder::kCabac;
  if (open && is_plain(options) && video.codec == Codec::kH264 &&
      has_sink(options, is_for_browsers)) {
    video.profile = Profile::kBaseline;
  }
  video.chroma = options.chroma;
  video.depth_is_wish = depth_follows_source(options, video.codec);
  video.bit_depth = options.bit_depth.value_or(video.depth_is_wish ? 10 : 8);
  video.level = options.level;
  video.preset = options.preset;

  plan.repairs.rate = options.fps;
  if (options.key_interval == kInfinite) {
    plan.schedule = KeyFrameSchedule::kOnDemand;
  } else if (options.key_interval) {
    plan.schedule = KeyFrameSchedule::kPeriodic;
    plan.repairs.max_interval = *options.key_interval;
  } else if (options.quality) {
    plan.schedule = KeyFrameSchedule::kPeriodic;
    plan.repairs.max_interval = kRecordingInterval;
  }
  return plan;
}

}  // namespace lumen
