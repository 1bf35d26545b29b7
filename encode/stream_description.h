// What an encoder that was opened says about its stream.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/error.h"
#include "encode/video_encoder.h"

namespace lumen {

/// `encoder`: its name, for people. `header`: its parameter sets as its library gives them (see
/// pure_parameter_sets()). Error: kUnsupported, there are none in it.
Result<std::shared_ptr<const StreamParameters>> describe_stream(
    const EncoderSettings& settings, std::string encoder, std::span<const std::uint8_t> header);

}  // namespace lumen
