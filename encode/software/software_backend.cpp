#include "encode/software/software_backend.h"

#include "encode/ffmpeg/libav_encoder.h"

namespace lumen::software {
namespace {

const char* codec_name(Codec codec) { return codec == Codec::kH264 ? "libx264" : "libx265"; }

const char* x264_profile(Profile profile) {
  switch (profile) {
    case Profile::kBaseline: return "baseline";
    case Profile::kMain: return "main";
    case Profile::kAuto:
    case Profile::kHigh: break;
  }
  return "high";
}

}  // namespace

Result<void> check(Codec codec) { return ffmpeg::check_codec(codec_name(codec)); }

Result<std::unique_ptr<VideoEncoder>> create(const EncoderSettings& settings,
                                             const EncoderDevice& /*device*/,
                                             EncodedFrameCallback callback) {
  ffmpeg::LibavSpec spec;
  spec.codec_name = codec_name(settings.codec);
  // A third of a second: long enough that the key frame every two seconds does not turn to mush,
  // short enough that no 2 s window strays from the target.
  spec.vbv_seconds = 1.0 / 3.0;
  spec.options = {
      {"preset", settings.preset.empty() ? "ultrafast" : settings.preset},
      {"tune", "zerolatency"},
      {"forced-idr", "1"},
  };
  if (settings.codec == Codec::kH264) {
    // libx264 takes NV12 as it stands (its own frames are NV12); I420 would be interleaved first.
    spec.feed = ffmpeg::make_host_feed(Fourcc::kNV12);
    spec.options.emplace_back("profile", x264_profile(settings.profile));
    if (!settings.level.empty()) spec.options.emplace_back("level", settings.level);
    spec.options.emplace_back("x264-params", "keyint=infinite:scenecut=0:repeat-headers=0");
  } else {
    spec.feed = ffmpeg::make_host_feed(Fourcc::kI420);
    std::string params = "keyint=-1:scenecut=0:repeat-headers=0:open-gop=0:info=0:log-level=error";
    if (!settings.level.empty()) params += ":level-idc=" + settings.level;
    spec.options.emplace_back("x265-params", params);
  }
  return ffmpeg::LibavEncoder::create(settings, std::move(spec), std::move(callback));
}

}  // namespace lumen::software
