// Time inside lumen: nanoseconds on the monotonic clock. std::chrono::steady_clock is
// CLOCK_MONOTONIC in libstdc++, the clock PipeWire stamps its buffers with. 90 kHz exists in
// sink/rtp only.
#pragma once

#include <chrono>
#include <cstdint>
#include <numeric>

namespace lumen {

using Nanoseconds = std::chrono::nanoseconds;
using Timestamp = std::chrono::time_point<std::chrono::steady_clock, Nanoseconds>;

/// A time that was never set. The monotonic clock starts at boot, so no real frame carries it.
inline constexpr Timestamp kNoTimestamp{};

inline Timestamp now() { return std::chrono::steady_clock::now(); }

/// Frames per second as a fraction; numerator 0 means variable.
struct FrameRate {
  std::uint32_t num = 0;
  std::uint32_t den = 1;

  [[nodiscard]] bool variable() const { return num == 0 || den == 0; }
  [[nodiscard]] double value() const { return variable() ? 0.0 : double(num) / double(den); }
  friend bool operator==(const FrameRate&, const FrameRate&) = default;
};

/// The one that is fewer frames a second; a variable rate limits nothing.
inline FrameRate slower(FrameRate a, FrameRate b) {
  if (a.variable() || b.variable()) return a.variable() ? b : a;
  return std::uint64_t{a.num} * b.den <= std::uint64_t{b.num} * a.den ? a : b;
}

/// Start of frame n of an fps-paced stream, from n alone, so that rounding never adds up.
inline Nanoseconds frame_offset(FrameRate rate, std::uint64_t n) {
  if (rate.variable()) return Nanoseconds{0};
  const std::uint64_t whole = n / rate.num;
  const std::uint64_t rest = n % rate.num;
  return Nanoseconds{static_cast<std::int64_t>(whole * rate.den * 1'000'000'000ULL +
                                               rest * rate.den * 1'000'000'000ULL / rate.num)};
}

}  // namespace lumen
