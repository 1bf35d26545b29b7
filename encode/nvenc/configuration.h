// From settings to NVENC's words: pure, but for the preset that the driver gave.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "encode/nvenc/capabilities.h"
#include "encode/nvenc/driver.h"
#include "encode/video_encoder.h"

namespace lumen::nvenc {

struct Preset {
  GUID guid{};
  NV_ENC_TUNING_INFO tuning = NV_ENC_TUNING_INFO_ULTRA_LOW_LATENCY;
};

/// "p1" (fastest) to "p7"; empty: p3 for a constant bit rate, p5 for constant quality.
Result<Preset> choose_preset(const EncoderSettings& settings);

struct Configuration {
  NV_ENC_CONFIG config{};
  NV_ENC_INITIALIZE_PARAMS init{};  // without encodeConfig: use initialize_params()
  unsigned references = 1;          // pictures in the decoded picture buffer
  bool invalidation = false;
  unsigned long_term = 0;  // with invalidation: places for long-term references, which serve it
  unsigned qp_block = 0;   // side of the blocks of QP maps; 0: none are taken
  bool intra_refresh = false;
  unsigned slices = 1;     // per picture, where they are handed out one by one
  bool sub_frame = false;  // they are

  /// Points into this object.
  [[nodiscard]] NV_ENC_INITIALIZE_PARAMS initialize_params();
};

/// `base` is the driver's configuration of the preset, and stays but for what the settings say.
/// Errors: kUnsupported, the chip can't do it; kInvalidArgument, nobody can.
Result<Configuration> configure(const EncoderSettings& settings, const Capabilities& caps,
                                const Preset& preset, const NV_ENC_CONFIG& base);

/// The fields that follow from bit rate and frame rate.
void set_rate(Configuration& configuration, const EncoderSettings& settings,
              const Capabilities& caps);
/// The fields that follow from settings.size.
void set_size(Configuration& configuration, const EncoderSettings& settings);

}  // namespace lumen::nvenc
