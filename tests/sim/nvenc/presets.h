// The GUIDs that the encoder lists, and the configuration behind a preset. Constant.
#pragma once

#include <span>

#include "stream_config.h"

namespace lumen::sim::nvenc {

std::span<const GUID> preset_guids();
std::span<const GUID> profile_guids(CodecKind codec);
bool is_preset(const GUID& guid);
bool is_profile(CodecKind codec, const GUID& guid);
std::span<const NV_ENC_BUFFER_FORMAT> input_formats();

/// As the real presets, without their B-frames: high quality has a GOP of 250 pictures and VBR, the
/// low-latency ones an infinite GOP and CBR, lossless a constant QP of 0.
NV_ENC_CONFIG preset_config(CodecKind codec, NV_ENC_TUNING_INFO tuning);

}  // namespace lumen::sim::nvenc
