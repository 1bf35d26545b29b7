// The value of a sampled signal between its samples: a windowed sinc of 32 samples, flat to 20 kHz
// at 48 kHz. For signals that are read at nearly the rate they were sampled at; it filters nothing
// away. Pure; one thread.
#pragma once

#include <cstddef>
#include <vector>

namespace lumen {

class SincInterpolator {
 public:
  /// So many sample frames are needed before and behind the position.
  static constexpr std::size_t kReach = 16;

  SincInterpolator();

  /// `frames` holds interleaved left and right; the position counts frames from its start and lies
  /// kReach or more away from either end. Writes left and right.
  void read(const float* frames, double position, float* out) const;

 private:
  std::vector<float> table_;  // row p: weights of the samples around a position of p/kPhases
};

}  // namespace lumen
