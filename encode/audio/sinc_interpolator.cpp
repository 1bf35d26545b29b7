#include "encode/audio/sinc_interpolator.h"

#include <cmath>
#include <numbers>

namespace lumen {
namespace {

constexpr std::size_t kTaps = 2 * SincInterpolator::kReach;
constexpr std::size_t kPhases = 512;  // weights in between are interpolated: error below -100 dB
constexpr double kBeta = 8;           // Kaiser window, -80 dB

double kaiser(double x) {
  return std::abs(x) >= 1
             ? 0.0
             : std::cyl_bessel_i(0.0, kBeta * std::sqrt(1 - x * x)) / std::cyl_bessel_i(0.0, kBeta);
}

double weight(double distance) {
  const double window = kaiser(distance / SincInterpolator::kReach);
  if (std::abs(distance) < 1e-12) return window;
  const double x = std::numbers::pi * distance;
  return window * std::sin(x) / x;
}

}  // namespace

SincInterpolator::SincInterpolator() : table_((kPhases + 1) * kTaps) {
  for (std::size_t phase = 0; phase <= kPhases; ++phase) {
    const double fraction = static_cast<double>(phase) / kPhases;
    for (std::size_t tap = 0; tap < kTaps; ++tap) {
      const double distance = static_cast<double>(tap) - (kReach - 1) - fraction;
      table_[phase * kTaps + tap] = static_cast<float>(weight(distance));
    }
  }
}

void SincInterpolator::read(const float* frames, double position, float* out) const {
  const double whole = std::floor(position);
  const double phase = (position - whole) * kPhases;
  const auto row = static_cast<std::size_t>(phase);
  const auto between = static_cast<float>(phase - static_cast<double>(row));
  const float* const lower = &table_[row * kTaps];
  const float* const upper = row < kPhases ? lower + kTaps : lower;
  const float* in = frames + (static_cast<std::size_t>(whole) - (kReach - 1)) * 2;
  float left = 0;
  float right = 0;
  for (std::size_t tap = 0; tap < kTaps; ++tap, in += 2) {
    const float factor = lower[tap] + between * (upper[tap] - lower[tap]);
    left += factor * in[0];
    right += factor * in[1];
  }
  out[0] = left;
  out[1] = right;
}

}  // namespace lumen
