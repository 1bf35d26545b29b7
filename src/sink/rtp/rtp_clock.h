// The 90 kHz clock of a video RTP stream (RFC 6184 8.1, RFC 7798 7.1). Ticks come from the whole
// distance to the first frame, never from a sum of steps, so that rounding does not add up.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace lumen::rtp {

inline constexpr unsigned kRtpClockHz = 90'000;

class RtpClock {
 public:
  /// `offset` is the timestamp of `origin`; RFC 3550 5.1 wants it random.
  RtpClock(Timestamp origin, std::uint32_t offset) : origin_(origin), offset_(offset) {}

  /// Rounded to the nearest tick, modulo 2^32. Instants before the origin are fine.
  [[nodiscard]] std::uint32_t at(Timestamp instant) const {
    // 90 kHz is 9 ticks in 100 µs. Nine times the nanoseconds of 32 years fit into 63 bits.
    constexpr std::int64_t kUnit = 100'000;
    const std::int64_t scaled = (instant - origin_).count() * 9 + kUnit / 2;
    const std::int64_t ticks = scaled >= 0 ? scaled / kUnit : -((kUnit - 1 - scaled) / kUnit);
    return offset_ + static_cast<std::uint32_t>(ticks);
  }

 private:
  Timestamp origin_;
  std::uint32_t offset_;
};

}  // namespace lumen::rtp
