#include "encode/ffmpeg/nvenc_backend.h"

#include "encode/av1_quantizer.h"
#include "encode/ffmpeg/libav_encoder.h"
#include "encode/level.h"
#include "encode/sampling.h"
#include "platform/dynamic_library.h"
#include "zerocopy/cuda/gpu.h"

namespace lumen::ffmpeg {
namespace {

const char* codec_name(Codec codec) {
  switch (codec) {
    case Codec::kHevc: return "hevc_nvenc";
    case Codec::kAv1: return "av1_nvenc";
    case Codec::kH264: break;
  }
  return "h264_nvenc";
}

const char* profile_name(const EncoderSettings& settings) {
  const bool full_chroma = settings.chroma == Chroma::k444;
  if (settings.codec == Codec::kHevc) {
    if (full_chroma) return "rext";
    return settings.bit_depth == 10 ? "main10" : "main";
  }
  if (full_chroma) return "high444p";
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
  if (auto driver = cuda::check_driver(); !driver) return driver;
  if (auto library = load_library("libnvidia-encode.so.1"); !library) {
    return fail(ErrorKind::kUnsupported, "no NVIDIA encode library: " + library.error().message,
                "install the encoder library of the NVIDIA driver (libnvidia-encode1)");
  }
  return check_codec(codec_name(codec));
}

Result<std::unique_ptr<VideoEncoder>> create_nvenc(const EncoderSettings& settings,
                                                   const EncoderDevice& device,
                                                   EncodedFrameCallback callback) {
  if (device.gpu == nullptr) return fail(ErrorKind::kUnsupported, "no GPU was given");
  if (auto possible = check_nvenc_sampling(settings); !possible) {
    return tl::unexpected(std::move(possible.error()));
  }
  auto context = device.gpu->context();
  if (!context) return tl::unexpected(std::move(context.error()));
  auto feed = create_cuda_feed(*context, sampled_input(settings));
  if (!feed) return tl::unexpected(std::move(feed.error()));
  LibavSpec spec;
  spec.codec_name = codec_name(settings.codec);
  spec.feed = std::move(*feed);
  spec.vbv_seconds = settings.vbv_frames / settings.rate.value();
  spec.infinite_gop = -1;  // NVENC_INFINITE_GOPLENGTH
  spec.options = {
      {"zerolatency", "1"},
      {"delay", "0"},
      {"surfaces", "4"},
      // Without it a forced key frame is an I frame that decoding can't start at.
      {"forced-idr", "1"},
  };
  if (settings.constant_qp) {
    // av1_nvenc's go from 0 to 255.
    const unsigned qp = settings.codec == Codec::kAv1 ? av1_quantizer_index(*settings.constant_qp)
                                                      : *settings.constant_qp;
    spec.options.insert(spec.options.end(),
                        {{"preset", settings.preset.empty() ? "p5" : settings.preset},
                         {"tune", "hq"},
                         {"rc", "constqp"},
                         {"qp", std::to_string(qp)}});
  } else {
    spec.change_bitrate = true;
    spec.options.insert(spec.options.end(),
                        {{"preset", settings.preset.empty() ? "p3" : settings.preset},
                         {"tune", "ull"},
                         {"rc", "cbr"},
                         {"multipass", "qres"}});
  }
  if (const std::string sampling = sampling_text(settings); !sampling.empty()) {
    spec.open_hint = "this GPU may have no " + sampling + " in " +
                     std::string(to_string(settings.codec)) + "; 4:2:0 of 8 bits always works";
  }
  if (settings.codec != Codec::kAv1) {
    spec.options.emplace_back("profile", profile_name(settings));
  }
  if (settings.codec == Codec::kH264) {
    if (settings.entropy != EntropyCoder::kAuto) {
      spec.options.emplace_back("coder",
                                settings.entropy == EntropyCoder::kCabac ? "cabac" : "cavlc");
    }
  }
  if (!settings.level.empty()) {
    // FFmpeg takes any number here, and NVENC then what it likes.
    auto known = level_idc(settings.codec, settings.level);
    if (!known) return tl::unexpected(std::move(known.error()));
    spec.options.emplace_back("level", settings.level);
  }
  return LibavEncoder::create(settings, std::move(spec), std::move(callback));
}

}  // namespace lumen::ffmpeg
