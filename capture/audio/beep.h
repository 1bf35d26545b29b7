// A test signal that tells the time: a beep at each whole second of the monotonic clock, so that
// whoever records sound and picture can see how far they are apart.
#pragma once

#include <cmath>
#include <numbers>

#include "core/time.h"

namespace lumen {

inline constexpr Nanoseconds kBeepLength = std::chrono::milliseconds{50};
inline constexpr double kBeepLeft = 1000;  // Hz
inline constexpr double kBeepRight = 1500;

struct StereoSample {
  float left = 0;
  float right = 0;
};

/// What is heard at that time.
inline StereoSample beep_at(Timestamp time) {
  const Nanoseconds into = time.time_since_epoch() % std::chrono::seconds{1};
  if (into >= kBeepLength) return {};
  const double angle = 2 * std::numbers::pi * std::chrono::duration<double>(into).count();
  return {static_cast<float>(0.5 * std::sin(angle * kBeepLeft)),
          static_cast<float>(0.5 * std::sin(angle * kBeepRight))};
}

}  // namespace lumen
