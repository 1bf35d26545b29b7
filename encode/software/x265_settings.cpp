#include "encode/software/x265_settings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "encode/level.h"
#include "encode/software/nominal.h"

namespace lumen::software {
namespace {

const char* x265_profile(const EncoderSettings& settings) {
  const bool ten_bit = settings.bit_depth == 10;
  if (settings.chroma == Chroma::k444) return ten_bit ? "main444-10" : "main444-8";
  return ten_bit ? "main10" : "main";
}

Fourcc format_of(const EncoderSettings& settings) {
  const bool ten_bit = settings.bit_depth == 10;
  if (settings.chroma == Chroma::k444) return ten_bit ? Fourcc::kQ410 : Fourcc::kI444;
  return ten_bit ? Fourcc::kP010 : Fourcc::kI420;
}

void set_rate_control(x265_param& param, const EncoderSettings& settings) {
  auto& rc = param.rc;
  if (settings.constant_qp) {
    rc.rateControlMode = X265_RC_CQP;
    rc.qp = static_cast<int>(std::min(*settings.constant_qp, 51U));
    return;
  }
  const auto kilobits = [](double bits) {
    return static_cast<int>(std::clamp(bits / 1000, 1.0, 2e9));
  };
  rc.rateControlMode = X265_RC_ABR;
  rc.bitrate = kilobits(static_cast<double>(settings.bitrate_bps));
  rc.vbvMaxBitrate = rc.bitrate;
  rc.vbvBufferSize = kilobits(std::ceil(mean_bits(settings) * std::max(1.0, settings.vbv_frames)));
}

// H.273 numbers, as everywhere.
void set_vui(x265_param& param, const ColorDescription& color) {
  auto& vui = param.vui;
  vui.bEnableVideoSignalTypePresentFlag = 1;
  vui.videoFormat = 5;  // unspecified
  vui.bEnableVideoFullRangeFlag = color.range == ColorRange::kFull ? 1 : 0;
  vui.bEnableColorDescriptionPresentFlag = 1;
  vui.colorPrimaries = static_cast<int>(color.primaries);
  vui.transferCharacteristics = static_cast<int>(color.transfer);
  vui.matrixCoeffs = static_cast<int>(color.matrix);
  vui.bEnableChromaLocInfoPresentFlag = param.internalCsp == X265_CSP_I420 ? 1 : 0;
  vui.chromaSampleLocTypeTopField = 0;  // left
  vui.chromaSampleLocTypeBottomField = 0;
}

}  // namespace

Result<X265Setup> x265_setup(const EncoderSettings& settings) {
  if (settings.profile == Profile::kBaseline) {
    return fail(ErrorKind::kUnsupported, "HEVC has no baseline profile");
  }
  X265Setup setup;
  setup.api = x265_api_get(static_cast<int>(settings.bit_depth));
  if (setup.api == nullptr) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("this libx265 was built without {} bits", settings.bit_depth),
                "Debian's has 8, 10 and 12");
  }
  setup.param = {setup.api->param_alloc(), FreeX265Param{setup.api}};
  if (!setup.param) return fail(ErrorKind::kIo, "out of memory");
  x265_param& param = *setup.param;
  const std::string preset = settings.preset.empty() ? "ultrafast" : settings.preset;
  if (setup.api->param_default_preset(&param, preset.c_str(), "zerolatency") != 0) {
    return fail(ErrorKind::kUnsupported, fmt::format("x265 has no preset \"{}\"", preset),
                "ultrafast to placebo");
  }
  if (!settings.level.empty()) {
    auto level = level_idc(Codec::kHevc, settings.level);
    if (!level) return tl::unexpected(std::move(level.error()));
    // Tenths here. It takes no level where it keeps to no rate.
    if (!settings.constant_qp) param.levelIdc = static_cast<int>(*level / 3);
  }
  const FrameRate rate = nominal_rate(settings);
  setup.format = format_of(settings);
  param.logLevel = X265_LOG_NONE;  // it knows standard error only
  param.sourceWidth = static_cast<int>(settings.size.width);
  param.sourceHeight = static_cast<int>(settings.size.height);
  param.fpsNum = rate.num;
  param.fpsDenom = rate.den;
  param.internalCsp = settings.chroma == Chroma::k444 ? X265_CSP_I444 : X265_CSP_I420;
  param.frameNumThreads = 1;  // more would hold pictures back
  param.bframes = 0;
  param.lookaheadDepth = 0;
  param.scenecutThreshold = 0;
  param.keyframeMax = -1;
  param.keyframeMin = 0;
  param.bOpenGOP = 0;
  param.maxNumReferences = 1;
  param.bRepeatHeaders = 0;
  param.bAnnexB = 1;
  param.bEmitInfoSEI = 0;
  param.bEnableAccessUnitDelimiters = 0;
  param.maxSlices = static_cast<unsigned>(std::max(1U, settings.slices));
  set_rate_control(param, settings);
  set_vui(param, settings.color);
  if (setup.api->param_apply_profile(&param, x265_profile(settings)) != 0) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("this libx265 can't do profile {}", x265_profile(settings)));
  }
  return setup;
}

}  // namespace lumen::software
