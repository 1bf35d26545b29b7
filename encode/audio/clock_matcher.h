// Sound of another clock to sound of ours: resamples, so that sample k belongs to origin + k/48000
// s for as long as the stream lasts, and cuts it into frames of 10 ms. Pure; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/time.h"
#include "encode/audio/audio_packet.h"
#include "encode/audio/clock_follower.h"
#include "encode/audio/sinc_interpolator.h"

namespace lumen {

class ClockMatcher {
 public:
  struct Frame {
    std::span<const float> samples;  // kOpusFrame times left and right; valid during the call
    Timestamp time;                  // of the first one; on the grid
  };
  using OnFrame = std::function<void(const Frame&)>;

  /// Interleaved stereo of nominally 48 kHz, and when the first sample is heard. After a gap the
  /// frame at hand is filled up with silence, and the next one begins where the sound does. What
  /// comes for a time that is over already is left out.
  void push(std::span<const float> samples, Timestamp time, const OnFrame& on_frame);

  [[nodiscard]] double drift_ppm() const { return follower_.drift_ppm(); }
  [[nodiscard]] std::uint64_t gaps() const { return gaps_; }

 private:
  void begin_anew(const OnFrame& on_frame);
  void finish_frame(const OnFrame& on_frame);
  [[nodiscard]] Timestamp time_of(std::int64_t sample) const;

  ClockFollower follower_{kOpusRate};
  SincInterpolator interpolator_;
  Timestamp origin_ = kNoTimestamp;
  std::int64_t next_ = 0;     // the next sample of the output
  std::vector<float> input_;  // its end belongs to the time follower_.end()
  std::vector<float> frame_;
  std::uint64_t gaps_ = 0;
};

}  // namespace lumen
