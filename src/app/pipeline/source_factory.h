// --source → CaptureSource, --audio → AudioSource.
#pragma once

#include <memory>

#include "app/options/audio_spec.h"
#include "app/options/source_spec.h"
#include "capture/audio/audio_source.h"
#include "capture/capture_source.h"

namespace lumen {

Result<std::unique_ptr<CaptureSource>> create_source(const SourceSpec& spec);

/// The sound that goes with that picture; null: none.
Result<std::unique_ptr<AudioSource>> create_audio_source(const AudioSpec& spec,
                                                         const SourceSpec& picture);

}  // namespace lumen
