#include "encode/sampling.h"

#include <fmt/format.h>

namespace lumen {

Result<void> check_sampling(const EncoderSettings& settings) {
  if (settings.bit_depth != 8 && settings.bit_depth != 10) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("{} bits per sample can't be encoded", settings.bit_depth), "8 or 10");
  }
  // H.264 A.2.1, A.2.2: Baseline and Main have 4:2:0 of 8 bits only.
  const bool small_profile =
      settings.profile == Profile::kBaseline || settings.profile == Profile::kMain;
  if (settings.codec == Codec::kH264 && small_profile && !sampling_text(settings).empty()) {
    return fail(ErrorKind::kInvalidArgument,
                "H.264's profiles baseline and main have no " + sampling_text(settings),
                "leave the profile to the encoder");
  }
  return {};
}

// NVIDIA, "NVENC Video Encoder API Programming Guide": Main10 and the range extensions are HEVC's,
// 4:4:4 is H.264's too, AV1 has its main profile. (Ten bits of H.264 came with API 13.)
Result<void> check_nvenc_sampling(const EncoderSettings& settings) {
  if (auto possible = check_sampling(settings); !possible) return possible;
  if (settings.codec == Codec::kH264 && settings.bit_depth == 10) {
    return fail(ErrorKind::kUnsupported, "NVENC encodes H.264 in 8 bits only",
                "HEVC has 10 bits: --codec hevc");
  }
  if (settings.codec == Codec::kAv1 && settings.chroma == Chroma::k444) {
    return fail(ErrorKind::kUnsupported, "NVENC encodes AV1 in 4:2:0 only",
                "HEVC has 4:4:4: --codec hevc");
  }
  return {};
}

Fourcc sampled_input(const EncoderSettings& settings) {
  const bool full = settings.chroma == Chroma::k444;
  if (settings.bit_depth == 10) return full ? Fourcc::kQ410 : Fourcc::kP010;
  return full ? Fourcc::kI444 : Fourcc::kNV12;
}

std::string sampling_text(const EncoderSettings& settings) {
  const bool full = settings.chroma == Chroma::k444;
  if (settings.bit_depth == 8) return full ? "4:4:4" : "";
  const std::string bits = fmt::format("{} bits", settings.bit_depth);
  return full ? "4:4:4 of " + bits : bits;
}

}  // namespace lumen
