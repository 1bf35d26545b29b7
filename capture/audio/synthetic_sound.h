// Sound that needs no sound device: beeps (beep.h), counted by a clock that may run wrong. For
// tests and `--audio synthetic`.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "capture/audio/audio_source.h"

namespace lumen {

struct SyntheticSoundSettings {
  double skew_ppm = 0;  // how much too fast its clock runs; -1000 to 1000
};

/// "" or "PPM", such as "50" or "-20.5". kInvalidArgument otherwise.
Result<SyntheticSoundSettings> parse_synthetic_sound(std::string_view spec);

/// start() and stop() belong to one thread.
class SyntheticSound final : public AudioSource {
 public:
  explicit SyntheticSound(SyntheticSoundSettings settings) : settings_(settings) {}
  ~SyntheticSound() override { stop(); }

  Result<bool> start(AudioListener& listener) override;
  void pause() override;
  void resume() override;
  void stop() override;
  [[nodiscard]] std::string describe() const override;

 private:
  void run(const std::stop_token& stop, AudioListener& listener);

  const SyntheticSoundSettings settings_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool paused_ = false;  // under mutex_
  std::jthread thread_;
};

}  // namespace lumen
