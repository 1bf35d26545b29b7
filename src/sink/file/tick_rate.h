// The frame rate that a bitstream itself claims.
#pragma once

#include <cstdint>
#include <vector>

#include "core/error.h"
#include "encode/encoded_frame.h"

namespace lumen {

/// The stream's parameter sets (Annex B) with the VUI's tick rate set to the nominal frame rate.
///
/// An encoder that stamps frames in microseconds may write that as its tick. Inside a container the
/// container's times count; a reader of a raw stream has only the VUI and would see a million
/// frames per second. Unchanged where the rate is variable, and
/// for AV1, of which there are no raw files. kUnsupported where libavcodec can't
/// parse or rewrite them.
Result<std::vector<std::uint8_t>> with_nominal_tick_rate(const StreamParameters& stream);

}  // namespace lumen
