#include "encode/ffmpeg/nvenc_backend.h"

#include "encode/ffmpeg/libav_encoder.h"
#include "platform/dynamic_library.h"

namespace lumen::ffmpeg {
namespace {

const char* codec_name(Codec codec) { return codec == Codec::kH264 ? "h264_nvenc" : "hevc_nvenc"; }

const char* profile_name(const EncoderSettings& settings) {
  if (settings.codec == Codec::kHevc) return "main";
  switch (settings.profile) {
    case Profile::kBaseline: return "baseline";
    case Profile::kMain: return "main";
    case Profile::kAuto:
    case Profile::kHigh: break;
  }
  return "high";
}

}  // namespace

Result<void> check_nvenc(Codec codec) {
  for (const char* soname : {"libcuda.so.1", "libnvidia-encode.so.1"}) {
    if (auto library = load_library(soname); !library) {
      return fail(ErrorKind::kUnsupported,
                  std::string("no NVIDIA driver: ") + library.error().message,
                  "install the NVIDIA driver with its encode library");
    }
  }
  return check_codec(codec_name(codec));
}

Result<std::unique_ptr<VideoEncoder>> create_nvenc(const EncoderSettings& settings,
                                                   const EncoderDevice& /*device*/,
                                                   EncodedFrameCallback callback) {
  LibavSpec spec;
  spec.codec_name = codec_name(settings.codec);
  spec.input = Fourcc::kNV12;
  // One and a half frames of VBV: what a chip's rate control holds without visible pumping.
  spec.vbv_seconds = 1.5 / settings.rate.value();
  spec.infinite_gop = -1;  // NVENC_INFINITE_GOPLENGTH
  spec.options = {
      {"preset", settings.preset.empty() ? "p3" : settings.preset},
      {"tune", "ull"},
      {"rc", "cbr"},
      {"multipass", "qres"},
      {"zerolatency", "1"},
      {"delay", "0"},
      {"surfaces", "4"},
      {"forced-idr",
       "1"},  // without it a forced key frame is an I frame that decoding can't start at
      {"profile", profile_name(settings)},
  };
  if (!settings.level.empty()) spec.options.emplace_back("level", settings.level);
  return LibavEncoder::create(settings, spec, std::move(callback));
}

}  // namespace lumen::ffmpeg
