// --audio SPEC: which sound to stream. Pure; nothing is looked up here.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "app/options/source_spec.h"
#include "core/error.h"

namespace lumen {

/// What the session plays, where the picture is a session's; no sound with the test picture.
struct AutoAudio {
  friend bool operator==(const AutoAudio&, const AutoAudio&) = default;
};
struct NoAudio {
  friend bool operator==(const NoAudio&, const NoAudio&) = default;
};
/// lumen's own beeps.
struct SyntheticAudio {
  std::string spec;  // the clock's skew in ppm, for the source to parse; may be empty
  friend bool operator==(const SyntheticAudio&, const SyntheticAudio&) = default;
};

using AudioSpec = std::variant<AutoAudio, NoAudio, NodeSource, SyntheticAudio>;

/// auto | off | node:NAME | node:id=N | node:serial=N | synthetic[:PPM]. kInvalidArgument.
Result<AudioSpec> parse_audio_spec(std::string_view text);

}  // namespace lumen
