// A source of sound: what a PipeWire sink plays, a test signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/time.h"

namespace lumen {

inline constexpr unsigned kAudioRate =
    48'000;  // samples per second and channel, of the nominal clock
inline constexpr unsigned kAudioChannels = 2;  // left, right

/// Sound as its source's clock counts it, which runs a little faster or slower than ours.
struct AudioBlock {
  std::span<const float> samples;  // interleaved, -1 to 1; valid during the call
  Timestamp time;                  // when the first one is heard
};

enum class AudioState : std::uint8_t {
  kWaiting,    // no node, or no PipeWire; the source keeps trying by itself
  kPaused,     // the node has nothing to play
  kStreaming,  // blocks come
};
std::string_view to_string(AudioState state);

/// Calls come from the source's own threads; return at once.
class AudioListener {
 public:
  virtual ~AudioListener() = default;
  /// Perhaps on a real-time thread: take no lock that is held for long, log nothing.
  virtual void on_audio(const AudioBlock& block) = 0;
  virtual void on_audio_state(AudioState state, const std::string& reason) = 0;
};

class AudioSource {
 public:
  virtual ~AudioSource() = default;  // stops

  /// Begins to look for the sound. That there is none is no error: it may come later. True where
  /// there is some already. The listener must outlive stop().
  virtual Result<bool> start(AudioListener& listener) = 0;

  /// Nobody listens: no sound need come until resume(). As CaptureSource's.
  virtual void pause() {}
  virtual void resume() {}

  /// No listener call happens after this returns. Idempotent.
  virtual void stop() = 0;

  /// Plain name for people: "monitor of speakers (id 41)". Any thread.
  [[nodiscard]] virtual std::string describe() const = 0;
};

}  // namespace lumen
