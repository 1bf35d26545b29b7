// What an encoder's header is turned into before it is handed on as StreamParameters.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "encode/encoded_frame.h"

namespace lumen {

/// Keeps the parameter sets of an Annex B header, drops all else (x264 adds an SEI), and writes
/// four-byte start codes. A constrained-baseline SPS also gets constraint_set2_flag: a stream
/// without FMO, ASO and redundant slices obeys the Extended profile as well (H.264 A.2.3), and SFUs
/// ask for profile-level-id 42e0xx by name. Empty where the header holds no SPS. AV1: the sequence
/// header, of OBUs with size fields.
std::vector<std::uint8_t> pure_parameter_sets(Codec codec, std::span<const std::uint8_t> annex_b);

}  // namespace lumen
