#include "capture/audio/synthetic_sound.h"

#include <charconv>
#include <vector>

#include <fmt/format.h>

#include "capture/audio/beep.h"

namespace lumen {
namespace {

constexpr double kMostSkew = 1000;
constexpr std::size_t kBlock = 512;  // samples per channel, about what PipeWire hands out

}  // namespace

Result<SyntheticSoundSettings> parse_synthetic_sound(std::string_view spec) {
  SyntheticSoundSettings settings;
  if (spec.empty()) return settings;
  const char* const end = spec.data() + spec.size();
  const auto [stop, code] = std::from_chars(spec.data(), end, settings.skew_ppm);
  // The other way round for NaN.
  if (code != std::errc{} || stop != end || !(std::abs(settings.skew_ppm) <= kMostSkew)) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("\"{}\" is no skew of a clock in parts per million", spec),
                "write a number from -1000 to 1000, for example synthetic:50");
  }
  return settings;
}

Result<bool> SyntheticSound::start(AudioListener& listener) {
  if (thread_.joinable()) {
    return fail(ErrorKind::kInvalidArgument, "the synthetic sound is already running");
  }
  thread_ = std::jthread([this, &listener](const std::stop_token& stop) { run(stop, listener); });
  return true;
}

void SyntheticSound::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

// Takes effect with the next block.
void SyntheticSound::pause() {
  const std::scoped_lock lock(mutex_);
  paused_ = true;
}

void SyntheticSound::resume() {
  {
    const std::scoped_lock lock(mutex_);
    paused_ = false;
  }
  wake_.notify_all();
}

void SyntheticSound::run(const std::stop_token& stop, AudioListener& listener) {
  listener.on_audio_state(AudioState::kStreaming, "");
  const Timestamp start = now();
  const double sample_time = 1e9 / (kAudioRate * (1 + settings_.skew_ppm / 1e6));
  const auto time_of = [&](std::uint64_t sample) {
    return start + Nanoseconds{std::llround(static_cast<double>(sample) * sample_time)};
  };
  std::vector<float> samples(kBlock * kAudioChannels);
  for (std::uint64_t first = 0; !stop.stop_requested(); first += kBlock) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      const StereoSample sample = beep_at(time_of(first + i));
      samples[i * kAudioChannels] = sample.left;
      samples[i * kAudioChannels + 1] = sample.right;
    }
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, stop, time_of(first + kBlock), [] { return false; });
      if (paused_) {
        wake_.wait(lock, stop, [this] { return !paused_; });
        const auto missed = static_cast<std::uint64_t>(
            static_cast<double>((now() - time_of(first)).count()) / sample_time);
        first += missed / kBlock * kBlock;
        continue;
      }
    }
    if (!stop.stop_requested()) listener.on_audio({samples, time_of(first)});
  }
}

std::string SyntheticSound::describe() const {
  return settings_.skew_ppm == 0
             ? "synthetic beeps"
             : fmt::format("synthetic beeps, clock off by {} ppm", settings_.skew_ppm);
}

}  // namespace lumen
