// Compound RTCP packets of a sender that receives nothing itself: sender report and SDES CNAME,
// optionally BYE (RFC 3550 sections 6.1, 6.4.1, 6.5, 6.6). Pure functions; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"

namespace lumen::rtp {

/// Time between two sender reports. RFC 3550 6.2 recommends 5 s at least, and lets a session
/// shorten that to 360 s divided by its bandwidth in kb/s: one second is within it from 360 kb/s
/// up. Receivers need a report before they can synchronize streams, so a short interval helps those
/// who join late. The interval is not randomized: that is against many members reporting at once;
/// here it is one.
inline constexpr std::chrono::seconds kSenderReportInterval{1};

inline constexpr std::uint8_t kSdesCname = 1;  // RFC 3550 section 6.5.1

/// 32.32 fixed point seconds since 1900-01-01 UTC (RFC 3550 section 4).
std::uint64_t ntp_time(std::chrono::sys_time<std::chrono::nanoseconds> wall);

/// The wall time of an instant of the monotonic clock, by what the two are now.
std::uint64_t ntp_time_at(Timestamp instant);

struct SenderReport {
  std::uint32_t ssrc = 0;
  std::uint64_t ntp = 0;            // wall time now
  std::uint32_t rtp_time = 0;       // the same instant on the stream's 90 kHz clock
  std::uint32_t packets = 0;        // sent so far, modulo 2^32
  std::uint32_t payload_bytes = 0;  // sent so far without RTP headers, modulo 2^32
};

enum class Farewell { kNone, kBye };

/// SR, SDES with the CNAME, and BYE where asked. The CNAME is cut at 255 bytes, its length field's
/// limit.
std::vector<std::uint8_t> make_compound(const SenderReport& report, std::string_view cname,
                                        Farewell farewell);

/// Tells a receiver its round trip: `reference` is what its clock said when it asked
/// (ReferenceTime), and `since` how long ago that came here (RFC 3611 section 4.5).
std::vector<std::uint8_t> make_round_trip_reply(std::uint32_t ssrc, std::uint32_t receiver,
                                                std::uint32_t reference, Nanoseconds since);

/// A short-term persistent CNAME: 96 random bits in base64 (RFC 7022 section 4.2), so that neither
/// the user's nor the host's name leaves the machine.
std::string make_cname();

}  // namespace lumen::rtp
