// --source → CaptureSource, --audio → AudioSource.
#pragma once

#include <memory>
#include <string>

#include "app/control/socket_path.h"
#include "app/options/audio_spec.h"
#include "app/options/source_spec.h"
#include "capture/audio/audio_source.h"
#include "capture/capture_source.h"
#include "capture/session/screen_cast.h"

namespace lumen {

struct SourceSettings {
  /// What start() does where a node or an output is not there yet, and `auto` where nothing is.
  AbsentSource absent = AbsentSource::kIsError;
  /// What a session's cast is asked for.
  session::CursorMode cursor = session::CursorMode::kAuto;
  /// This host's name: each has the user's consent for itself.
  std::string host = std::string(control::kDefaultName);
};

/// `auto` looks around first, and is logged with what it became. Errors, besides kInvalidArgument:
/// those of look_around() and choose_source().
Result<std::unique_ptr<CaptureSource>> create_source(const SourceSpec& spec,
                                                     const SourceSettings& settings);

/// The cast that such a source runs on; null for sources that need none.
std::unique_ptr<session::ScreenCast> create_cast(const SourceSpec& spec,
                                                 const SourceSettings& settings);

/// The sound that goes with that picture; null: none.
Result<std::unique_ptr<AudioSource>> create_audio_source(const AudioSpec& spec,
                                                         const SourceSpec& picture);

}  // namespace lumen
