// RTCP as receivers send it: bytes of a stranger to values. Compound packets (RFC 3550 section 6.1)
// and reduced-size ones (RFC 5506). Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/time.h"
#include "sink/rtp/nal.h"

namespace lumen::rtp {

/// How one receiver gets one stream (RFC 3550 section 6.4.1).
struct ReportBlock {
  std::uint32_t ssrc = 0;         // of the stream
  std::uint8_t lost = 0;          // since its last report, of 256 packets
  std::int32_t lost_in_all = 0;   // fewer than none where packets came twice
  std::uint32_t highest = 0;      // sequence number received, with its wraps in the upper half
  std::uint32_t jitter = 0;       // in ticks of the stream's clock
  std::uint32_t last_report = 0;  // the middle of the last sender report's NTP time; 0: none came
  std::uint32_t delay = 0;        // since that came, in 1/65536 s
};

/// From a receiver report, or from the sender report of one who sends, too.
struct ReceptionReport {
  std::uint32_t reporter = 0;
  std::vector<ReportBlock> blocks;
};

/// SDES, one chunk.
struct Description {
  std::uint32_t ssrc = 0;
  std::string cname;  // any bytes; may be empty
};

struct Bye {
  std::vector<std::uint32_t> leaving;
};

/// Generic NACK (RFC 4585 section 6.2.1).
struct Nack {
  std::uint32_t ssrc = 0;  // of the stream
  std::vector<std::uint16_t> sequences;
};

/// PLI (RFC 4585 section 6.3.1).
struct PictureLoss {
  std::uint32_t ssrc = 0;
};

/// FIR (RFC 5104 section 4.3.1): one for each entry. The SSRC is the entry's; the header's may be
/// anything.
struct FullIntraRequest {
  std::uint32_t ssrc = 0;
};

/// REMB (draft-alvestrand-rmcat-remb-03).
struct MaximumBitrate {
  std::uint64_t bits_per_second = 0;
  std::vector<std::uint32_t> ssrcs;
};

/// Who receives and sends nothing asks for the round trip: by what its clock said then (RFC 3611
/// section 4.4), of the NTP time the middle 32 bits.
struct ReferenceTime {
  std::uint32_t reporter = 0;
  std::uint32_t time = 0;
};

/// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
struct TransportFeedback {
  std::uint16_t first = 0;  // transport-wide sequence number of the first packet
  std::uint8_t count = 0;   // of feedback packets, wraps
  /// The receiver's clock, in units of 64 ms, modulo 2^24.
  std::uint32_t reference = 0;
  /// One for each packet from `first` on: when it arrived, after `reference`. None: it did not.
  std::vector<std::optional<Nanoseconds>> arrivals;
};

using RtcpItem = std::variant<ReceptionReport, Description, Bye, Nack, PictureLoss,
                              FullIntraRequest, MaximumBitrate, ReferenceTime, TransportFeedback>;

/// Larger datagrams are not RTCP that anybody sends.
inline constexpr std::size_t kMaxRtcpBytes = 2048;
/// Most packets that the NACKs and transport-wide feedbacks of a datagram may speak of: run lengths
/// let few bytes speak of many.
inline constexpr std::size_t kMaxListedPackets = 16384;

/// Whether a datagram on a port that RTP and RTCP share is RTCP (RFC 5761 section 4).
bool is_rtcp(Bytes datagram);

/// What a datagram says, in order. Kinds that are not listed above are passed over. None where
/// anything in it is malformed (RFC 3550 appendix A.2) or beyond the limits.
std::optional<std::vector<RtcpItem>> parse_rtcp(Bytes datagram);

}  // namespace lumen::rtp
