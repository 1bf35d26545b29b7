#include "sink/rtp/rtcp_parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sink/rtp/rtcp.h"

namespace lumen::rtp {
namespace {

constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kReportBlockBytes = 24;
constexpr std::size_t kSenderInfoBytes = 20;
constexpr std::uint8_t kSdesEnd = 0;

// RFC 3550 section 12.1, RFC 4585 section 6.1.
enum class Type : std::uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kDescription = 202,
  kBye = 203,
  kTransportFeedback = 205,
  kPayloadFeedback = 206,
  kExtendedReport = 207,  // RFC 3611 section 2
};

// Formats of feedback: RFC 4585 section 9, RFC 5104 section 4.2, the drafts named in the header.
constexpr unsigned kGenericNack = 1;
constexpr unsigned kTransportWide = 15;
constexpr unsigned kPictureLoss = 1;
constexpr unsigned kFullIntraRequest = 4;
constexpr unsigned kApplicationLayer = 15;

constexpr std::uint8_t kReferenceTimeBlock = 4;  // RFC 3611 section 4.4

/// Numbers from the front of bytes; what is not there reads as zero and is remembered.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(bytes)) value = value << 8 | byte;
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return number(4); }
  Bytes take(std::size_t bytes) {
    if (bytes > rest_.size()) {
      short_ = true;
      rest_ = {};
      return {};
    }
    const Bytes front = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return front;
  }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  [[nodiscard]] bool good() const { return !short_; }

 private:
  Bytes rest_;
  bool short_ = false;
};

/// Parses one packet after the other; false where one is malformed.
class Parser {
 public:
  explicit Parser(std::vector<RtcpItem>& items) : items_(items) {}

  bool packet(Type type, unsigned count, Bytes body);

 private:
  bool report(unsigned count, Reader in, bool sender);
  bool description(unsigned count, Reader in);
  bool bye(unsigned count, Reader in);
  bool transport_feedback(unsigned format, Reader in);
  bool payload_feedback(unsigned format, Reader in);
  bool nack(std::uint32_t ssrc, Reader in);
  bool transport_wide(Reader in);
  bool application_layer(Reader in);
  bool extended_report(Reader in);
  bool list(std::size_t packets);  // false: more than may be

  std::vector<RtcpItem>& items_;
  std::size_t listed_ = 0;
};

bool Parser::packet(Type type, unsigned count, Bytes body) {
  const Reader in(body);
  switch (type) {
    case Type::kSenderReport: return report(count, in, true);
    case Type::kReceiverReport: return report(count, in, false);
    case Type::kDescription: return description(count, in);
    case Type::kBye: return bye(count, in);
    case Type::kTransportFeedback: return transport_feedback(count, in);
    case Type::kPayloadFeedback: return payload_feedback(count, in);
    case Type::kExtendedReport: return extended_report(in);
  }
  return true;
}

bool Parser::list(std::size_t packets) {
  listed_ += packets;
  return listed_ <= kMaxListedPackets;
}

bool Parser::report(unsigned count, Reader in, bool sender) {
  ReceptionReport report{.reporter = in.u32()};
  if (sender) in.take(kSenderInfoBytes);
  if (!in.good() || in.left() < count * kReportBlockBytes) return false;
  for (unsigned i = 0; i < count; ++i) {
    ReportBlock block;
    block.ssrc = in.u32();
    block.lost = in.u8();
    const std::uint32_t lost = in.number(3);
    block.lost_in_all = static_cast<std::int32_t>(lost) - ((lost & 0x800000U) != 0 ? 1 << 24 : 0);
    block.highest = in.u32();
    block.jitter = in.u32();
    block.last_report = in.u32();
    block.delay = in.u32();
    report.blocks.push_back(block);
  }
  items_.emplace_back(std::move(report));  // what follows is a profile's own
  return true;
}

bool Parser::description(unsigned count, Reader in) {
  for (unsigned i = 0; i < count; ++i) {
    Description chunk{.ssrc = in.u32()};
    std::size_t bytes = 0;
    while (true) {
      const std::uint8_t item = in.u8();
      ++bytes;
      if (!in.good()) return false;
      if (item == kSdesEnd) break;
      const std::uint8_t size = in.u8();
      const Bytes text = in.take(size);
      if (!in.good()) return false;
      bytes += 1 + text.size();
      if (item == kSdesCname) chunk.cname.assign(text.begin(), text.end());
    }
    in.take((4 - bytes % 4) % 4);
    if (!in.good()) return false;
    items_.emplace_back(std::move(chunk));
  }
  return true;
}

bool Parser::bye(unsigned count, Reader in) {
  Bye bye;
  for (unsigned i = 0; i < count; ++i) bye.leaving.push_back(in.u32());
  if (!in.good()) return false;
  items_.emplace_back(std::move(bye));  // the reason, where one follows, is not for us
  return true;
}

bool Parser::transport_feedback(unsigned format, Reader in) {
  in.u32();  // who reports
  const std::uint32_t ssrc = in.u32();
  if (!in.good()) return false;
  if (format == kGenericNack) return nack(ssrc, in);
  return format != kTransportWide || transport_wide(in);
}

bool Parser::nack(std::uint32_t ssrc, Reader in) {
  Nack nack{.ssrc = ssrc};
  while (in.left() > 0) {
    const std::uint16_t first = in.u16();
    const unsigned following = in.u16();
    nack.sequences.push_back(first);
    for (unsigned bit = 0; bit < 16; ++bit) {
      if ((following >> bit & 1U) == 0) continue;
      nack.sequences.push_back(static_cast<std::uint16_t>(first + bit + 1));
    }
  }
  if (!in.good() || !list(nack.sequences.size())) return false;
  items_.emplace_back(std::move(nack));
  return true;
}

bool Parser::transport_wide(Reader in) {
  enum Symbol : unsigned { kNotReceived, kSmallDelta, kLargeDelta, kReserved };
  constexpr Nanoseconds kDeltaUnit = std::chrono::microseconds{250};

  TransportFeedback feedback;
  feedback.first = in.u16();
  const std::size_t packets = in.u16();
  feedback.reference = in.number(3);
  feedback.count = in.u8();
  if (!in.good() || packets == 0 || !list(packets)) return false;

  std::vector<unsigned> symbols;
  symbols.reserve(packets);
  const auto add = [&](unsigned symbol) {
    if (symbols.size() < packets) symbols.push_back(symbol);
  };
  while (symbols.size() < packets) {
    const unsigned chunk = in.u16();
    if (!in.good()) return false;
    if ((chunk & 0x8000U) == 0) {
      const unsigned run = chunk & 0x1fffU;
      if (run == 0) return false;
      for (unsigned i = 0; i < run; ++i) add(chunk >> 13);
    } else if ((chunk & 0x4000U) == 0) {
      for (unsigned bit = 14; bit-- > 0;) add(chunk >> bit & 1U);
    } else {
      for (unsigned pair = 7; pair-- > 0;) add(chunk >> (2 * pair) & 3U);
    }
  }

  Nanoseconds at{0};
  for (const unsigned symbol : symbols) {
    if (symbol == kReserved) return false;
    if (symbol == kNotReceived) {
      feedback.arrivals.emplace_back();
      continue;
    }
    const int delta = symbol == kSmallDelta ? in.u8() : static_cast<std::int16_t>(in.u16());
    at += delta * kDeltaUnit;
    feedback.arrivals.emplace_back(at);
  }
  if (!in.good()) return false;
  items_.emplace_back(std::move(feedback));
  return true;
}

bool Parser::payload_feedback(unsigned format, Reader in) {
  in.u32();  // who asks
  const std::uint32_t ssrc = in.u32();
  if (!in.good()) return false;
  if (format == kApplicationLayer) return application_layer(in);
  if (format == kPictureLoss) items_.emplace_back(PictureLoss{ssrc});
  if (format != kFullIntraRequest) return true;
  while (in.left() > 0) {
    const std::uint32_t entry = in.u32();
    in.u32();  // its number, and reserved bits
    if (!in.good()) return false;
    items_.emplace_back(FullIntraRequest{entry});
  }
  return true;
}

// Application layer feedback is whatever its first four bytes say.
bool Parser::application_layer(Reader in) {
  constexpr std::uint32_t kRemb = 0x52454d42;
  if (in.left() < 4 || in.u32() != kRemb) return true;
  const unsigned ssrcs = in.u8();
  const std::uint32_t rate = in.number(3);
  const unsigned exponent = rate >> 18;
  const std::uint64_t mantissa = rate & 0x3ffffU;
  MaximumBitrate most;
  most.bits_per_second = exponent <= 46 || mantissa == 0
                             ? mantissa << std::min(exponent, 46U)
                             : std::numeric_limits<std::uint64_t>::max();
  for (unsigned i = 0; i < ssrcs && in.good(); ++i) most.ssrcs.push_back(in.u32());
  if (!in.good()) return false;
  items_.emplace_back(std::move(most));
  return true;
}

bool Parser::extended_report(Reader in) {
  const std::uint32_t reporter = in.u32();
  while (in.left() > 0) {
    const std::uint8_t type = in.u8();
    in.u8();  // the type's own
    const std::size_t words = in.u16();
    Reader block(in.take(4 * words));
    if (!in.good()) return false;
    if (type != kReferenceTimeBlock) continue;
    const std::uint32_t seconds = block.u32();
    const std::uint32_t fraction = block.u32();
    if (!block.good()) return false;
    items_.emplace_back(ReferenceTime{reporter, seconds << 16 | fraction >> 16});
  }
  return in.good();
}

}  // namespace

bool is_rtcp(Bytes datagram) {
  return datagram.size() >= 2 && datagram[1] >= 192 && datagram[1] <= 223;
}

std::optional<std::vector<RtcpItem>> parse_rtcp(Bytes datagram) {
  if (datagram.empty() || datagram.size() > kMaxRtcpBytes) return std::nullopt;
  std::vector<RtcpItem> items;
  Parser parser(items);
  while (!datagram.empty()) {
    if (datagram.size() < kHeaderBytes || datagram[0] >> 6 != 2) return std::nullopt;
    const bool padded = (datagram[0] & 0x20U) != 0;
    const std::size_t size = 4 * ((std::size_t{datagram[2]} << 8 | datagram[3]) + 1);
    if (size > datagram.size()) return std::nullopt;
    Bytes body = datagram.subspan(kHeaderBytes, size - kHeaderBytes);
    if (padded) {
      // Only the last may be, by a number of bytes that its last byte says. RFC 3550 wants whole
      // words; libwebrtc fills one up.
      const std::size_t padding = body.empty() ? 0 : body.back();
      if (size != datagram.size() || padding == 0 || padding > body.size()) return std::nullopt;
      body = body.first(body.size() - padding);
    }
    if (!parser.packet(static_cast<Type>(datagram[1]), datagram[0] & 0x1fU, body)) {
      return std::nullopt;
    }
    datagram = datagram.subspan(size);
  }
  return items;
}

}  // namespace lumen::rtp
