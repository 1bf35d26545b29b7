// --source → CaptureSource, --audio → AudioSource.
#pragma once

#include <memory>

#include "app/options/audio_spec.h"
#include "app/options/source_spec.h"
#include "capture/audio/audio_source.h"
#include "capture/capture_source.h"
#include "capture/pipewire/pipewire_source.h"
#include "capture/session/screen_cast.h"

namespace lumen {

/// `auto` looks around first, and is logged with what it became. Errors, besides kInvalidArgument:
/// those of look_around() and choose_source().
/// `absent`: what start() does where a node is not there yet, and `auto` where nothing is.
Result<std::unique_ptr<CaptureSource>> create_source(const SourceSpec& spec,
                                                     pipewire::AbsentNode absent);

/// The cast that such a source runs on; null for sources that need none.
std::unique_ptr<session::ScreenCast> create_cast(const SourceSpec& spec,
                                                 session::CursorMode cursor);

/// The sound that goes with that picture; null: none.
Result<std::unique_ptr<AudioSource>> create_audio_source(const AudioSpec& spec,
                                                         const SourceSpec& picture);

}  // namespace lumen
