// What settings say about one picture.
#pragma once

#include "encode/video_encoder.h"

namespace lumen::software {

inline FrameRate nominal_rate(const EncoderSettings& settings) {
  return settings.rate.variable() ? FrameRate{60, 1} : settings.rate;
}

/// Bits of one picture at the nominal rate.
inline double mean_bits(const EncoderSettings& settings) {
  return static_cast<double>(settings.bitrate_bps) / nominal_rate(settings).value();
}

}  // namespace lumen::software
