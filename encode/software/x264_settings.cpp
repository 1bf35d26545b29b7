#include "encode/software/x264_settings.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include <fmt/format.h>

#include "encode/level.h"
#include "encode/reference_history.h"
#include "encode/sampling.h"
#include "encode/software/nominal.h"

namespace lumen::software {
namespace {

constexpr std::uint64_t kMacroblock = 16;
// Below it nobody sees a difference, and a still picture would be coded again with every step down:
// libx264 leaves an unchanged macroblock alone only where it is as fine as the quantizer already.
constexpr int kFinestQuantizer = 10;
// A picture is coded in bands, one per thread; bands of less than this many rows of pixels cost
// more than they gain.
constexpr std::uint32_t kRowsPerThread = 256;

std::uint64_t macroblocks(Extent size) {
  return (size.width + kMacroblock - 1) / kMacroblock *
         ((size.height + kMacroblock - 1) / kMacroblock);
}

int clamped(double value) {
  return static_cast<int>(
      std::clamp(value, 1.0, static_cast<double>(std::numeric_limits<int>::max())));
}

const x264_level_t* named_level(unsigned level_idc) {
  for (const x264_level_t* one = x264_levels; one->level_idc != 0; ++one) {
    if (one->level_idc == level_idc) return one;
  }
  return nullptr;
}

/// What size, frame rate and bit rate need (table A-1).
const x264_level_t* smallest_level(const EncoderSettings& settings) {
  constexpr unsigned kLevel1b = 9;
  const double per_second =
      static_cast<double>(macroblocks(settings.size)) * nominal_rate(settings).value();
  for (const x264_level_t* one = x264_levels; one->level_idc != 0; ++one) {
    if (one->level_idc != kLevel1b && static_cast<double>(one->mbps) >= per_second &&
        static_cast<std::uint64_t>(one->frame_size) >= macroblocks(settings.size) &&
        static_cast<std::uint64_t>(one->bitrate) * 1000 >= settings.bitrate_bps) {
      return one;
    }
  }
  return nullptr;
}

/// Keeping more pictures may need a higher level. Not where the user names one, and not with the
/// baseline profile, which is for receivers that go by the letter of both.
unsigned references_of(const EncoderSettings& settings, unsigned level_idc) {
  const unsigned most = reference_limit(settings.size);
  const x264_level_t* level = level_idc != 0                           ? named_level(level_idc)
                              : settings.profile == Profile::kBaseline ? smallest_level(settings)
                                                                       : nullptr;
  if (level == nullptr) return most;
  const auto held = static_cast<std::uint64_t>(level->dpb) /
                    std::max<std::uint64_t>(macroblocks(settings.size), 1);
  return static_cast<unsigned>(std::clamp<std::uint64_t>(held, 1, most));
}

// Waves on request only come one column of macroblocks per picture: libx264 has one number for the
// length of a wave and the time between two (i_keyint_max).
void set_recovery(X264Setup& setup, const EncoderSettings& settings, unsigned level) {
  const auto columns = static_cast<unsigned>((settings.size.width + kMacroblock - 1) / kMacroblock);
  const Recovery wish = settings.recovery;
  setup.intra_refresh = wish == Recovery::kIntraRefresh && columns <= settings.refresh_frames;
  setup.invalidation =
      !setup.intra_refresh && (wish == Recovery::kAuto || wish == Recovery::kInvalidation);
  x264_param_t& param = setup.param;
  param.i_frame_reference = 1;  // searched; older ones are kept for repairs
  if (setup.intra_refresh) {
    param.b_intra_refresh = 1;
    setup.refresh_frames = columns;
  } else if (setup.invalidation) {
    setup.references = references_of(settings, level);
    param.i_dpb_size = static_cast<int>(setup.references);
  }
}

void set_format(X264Setup& setup, const EncoderSettings& settings) {
  setup.format = sampled_input(settings);
  setup.param.i_csp = settings.chroma == Chroma::k444 ? X264_CSP_I444 : X264_CSP_NV12;
  setup.param.i_bitdepth = static_cast<int>(settings.bit_depth);
}

const char* x264_profile(const EncoderSettings& settings) {
  if (settings.chroma == Chroma::k444) return "high444";
  if (settings.bit_depth == 10) return "high10";
  switch (settings.profile) {
    case Profile::kBaseline: return "baseline";
    case Profile::kMain: return "main";
    case Profile::kAuto:
    case Profile::kHigh: break;
  }
  return "high";
}

Result<void> set_profile(x264_param_t& param, const EncoderSettings& settings) {
  if (settings.entropy == EntropyCoder::kCabac && settings.profile == Profile::kBaseline) {
    return fail(ErrorKind::kUnsupported, "the baseline profile has no CABAC",
                "use CAVLC, or a profile above baseline");
  }
  if (settings.entropy != EntropyCoder::kAuto) {
    param.b_cabac = settings.entropy == EntropyCoder::kCabac ? 1 : 0;
  }
  const char* const profile = x264_profile(settings);
  if (x264_param_apply_profile(&param, profile) != 0) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("this libx264 can't do profile {} with these settings", profile));
  }
  return {};
}

void set_rate_control(x264_param_t& param, const EncoderSettings& settings) {
  auto& rc = param.rc;
  const int offset = 6 * (param.i_bitdepth - 8);  // of libx264's inner scale
  if (settings.constant_qp) {
    rc.i_rc_method = X264_RC_CQP;
    // Zero is another mode: lossless, which few decoders know.
    rc.i_qp_constant = static_cast<int>(std::clamp(*settings.constant_qp, 1U, 51U)) + offset;
    return;
  }
  rc.i_rc_method = X264_RC_ABR;
  rc.i_qp_min = kFinestQuantizer + offset;
  set_rate(param, settings, 1);
}

// H.273 numbers, as everywhere.
void set_vui(x264_param_t& param, const ColorDescription& color) {
  auto& vui = param.vui;
  vui.i_vidformat = 5;  // unspecified
  vui.b_fullrange = color.range == ColorRange::kFull ? 1 : 0;
  vui.i_colorprim = static_cast<int>(color.primaries);
  vui.i_transfer = static_cast<int>(color.transfer);
  vui.i_colmatrix = static_cast<int>(color.matrix);
  vui.i_chroma_loc = 0;  // left
}

void set_threads(x264_param_t& param, const EncoderSettings& settings) {
  // The other half is for those whose pictures these are.
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency() / 2);
  const unsigned useful = std::max(1U, settings.size.height / kRowsPerThread);
  // Each thread makes one slice of the same picture, so none adds delay.
  const unsigned threads = settings.slices > 1 ? settings.slices : std::min(cores, useful);
  param.b_sliced_threads = 1;
  param.i_threads = static_cast<int>(threads);
}

}  // namespace

void set_rate(x264_param_t& param, const EncoderSettings& settings, double factor) {
  const double opened = static_cast<double>(param.i_fps_num) / param.i_fps_den;
  const double kilobits = mean_bits(settings) / 1000;
  auto& rc = param.rc;
  rc.i_bitrate = clamped(kilobits * opened * factor);
  rc.i_vbv_max_bitrate = rc.i_bitrate;
  // libx264 takes no buffer of less than one picture.
  rc.i_vbv_buffer_size = clamped(std::ceil(kilobits * std::max(settings.vbv_frames, factor)));
}

Result<X264Setup> x264_setup(const EncoderSettings& settings) {
  X264Setup setup;
  x264_param_t& param = setup.param;
  const std::string preset = settings.preset.empty() ? "ultrafast" : settings.preset;
  if (x264_param_default_preset(&param, preset.c_str(), "zerolatency") != 0) {
    return fail(ErrorKind::kUnsupported, fmt::format("x264 has no preset \"{}\"", preset),
                "ultrafast to placebo");
  }
  unsigned level = 0;
  if (!settings.level.empty()) {
    auto named = level_idc(Codec::kH264, settings.level);
    if (!named) return tl::unexpected(std::move(named.error()));
    level = *named;
    param.i_level_idc = static_cast<int>(level);
  }
  param.i_width = static_cast<int>(settings.size.width);
  param.i_height = static_cast<int>(settings.size.height);
  // Pictures are numbered in microseconds all the same; but with b_vfr_input libx264 would hold
  // each back until the next one tells how long it was.
  param.b_vfr_input = 0;
  const FrameRate rate = nominal_rate(settings);
  param.i_fps_num = rate.num;
  param.i_fps_den = rate.den;
  param.i_bframe = 0;
  param.i_keyint_max = X264_KEYINT_MAX_INFINITE;
  // What is forced to be an I picture becomes an IDR only if it asks for one.
  param.i_keyint_min = X264_KEYINT_MAX_INFINITE / 2;
  param.i_scenecut_threshold = 0;
  param.b_repeat_headers = 0;
  param.b_annexb = 1;
  param.b_aud = 0;
  param.analyse.b_mb_info = 1;
  // A weighted prediction would make libx264 look at unchanged macroblocks.
  param.analyse.i_weighted_pred = X264_WEIGHTP_NONE;
  set_threads(param, settings);
  set_vui(param, settings.color);
  set_format(setup, settings);
  set_rate_control(param, settings);
  set_recovery(setup, settings, level);
  if (auto done = set_profile(param, settings); !done) return tl::unexpected(done.error());
  return setup;
}

}  // namespace lumen::software
