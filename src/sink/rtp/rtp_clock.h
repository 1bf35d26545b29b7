// The clock of an RTP stream: 90 kHz for video (RFC 6184 8.1, RFC 7798 7.1), 48 kHz for Opus (RFC
// 7587 4.1). Ticks come from the whole distance to the first frame, never from a sum of steps, so
// that rounding does not add up.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace lumen::rtp {

inline constexpr unsigned kRtpClockHz = 90'000;

/// So many ticks in so many nanoseconds, in lowest terms.
struct RtpRate {
  std::int64_t ticks;
  std::int64_t nanoseconds;
};
inline constexpr RtpRate kVideoRate{9, 100'000};
inline constexpr RtpRate kOpusRtpRate{6, 125'000};

class RtpClock {
 public:
  /// `offset` is the timestamp of `origin`; RFC 3550 5.1 wants it random.
  RtpClock(Timestamp origin, std::uint32_t offset, RtpRate rate = kVideoRate)
      : origin_(origin), offset_(offset), rate_(rate) {}

  /// Rounded to the nearest tick, modulo 2^32. Instants before the origin are fine.
  [[nodiscard]] std::uint32_t at(Timestamp instant) const {
    // Nine times the nanoseconds of 32 years fit into 63 bits.
    const std::int64_t unit = rate_.nanoseconds;
    const std::int64_t scaled = (instant - origin_).count() * rate_.ticks + unit / 2;
    const std::int64_t ticks = scaled >= 0 ? scaled / unit : -((unit - 1 - scaled) / unit);
    return offset_ + static_cast<std::uint32_t>(ticks);
  }

 private:
  Timestamp origin_;
  std::uint32_t offset_;
  RtpRate rate_;
};

}  // namespace lumen::rtp
