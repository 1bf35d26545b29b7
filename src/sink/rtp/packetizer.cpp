#include "sink/rtp/packetizer.h"

#include <algorithm>
#include <utility>

#include "encode/nal.h"
#include "encode/obu.h"

namespace lumen::rtp {
namespace {

constexpr std::uint8_t kFuStart = 0x80;
constexpr std::uint8_t kFuEnd = 0x40;
constexpr std::size_t kSizeFieldBytes = 2;  // in front of each unit of an STAP-A or AP
constexpr std::size_t kMaxAggregatedNal = 65535;

// The aggregation header (section 4.4 of the AV1 payload format): the first element goes on from
// the packet before, the last goes on in the next, a coded video sequence begins. Its count of
// elements stays 0: each has its length in front of it.
constexpr std::uint8_t kContinues = 0x80;
constexpr std::uint8_t kContinued = 0x40;
constexpr std::uint8_t kNewSequence = 0x08;
constexpr std::uint8_t kObuHasSize = 0x02;
constexpr std::uint8_t kObuHasExtension = 0x04;

std::uint8_t byte_of(std::uint32_t value, unsigned shift) {
  return static_cast<std::uint8_t>(value >> shift);
}

std::size_t leb128_bytes(std::size_t value) {
  std::size_t bytes = 1;
  while (value >>= 7U) ++bytes;
  return bytes;
}

/// RFC 6184 5.7.1: F is set if any F is, NRI is the largest of all.
std::uint8_t stap_a_header(std::span<const Bytes> nals) {
  unsigned forbidden = 0;
  unsigned nri = 0;
  for (const Bytes nal : nals) {
    forbidden |= nal[0] & 0x80U;
    nri = std::max(nri, nal[0] & 0x60U);
  }
  return static_cast<std::uint8_t>(forbidden | nri | unsigned(H264Type::kStapA));
}

/// RFC 7798 4.4.2: F is set if any F is, layer id and temporal id are the lowest of all.
std::pair<std::uint8_t, std::uint8_t> ap_header(std::span<const Bytes> nals) {
  unsigned forbidden = 0;
  unsigned layer = 63;
  unsigned temporal = 7;
  for (const Bytes nal : nals) {
    forbidden |= nal[0] & 0x80U;
    layer = std::min(layer, (nal[0] & 1U) << 5 | unsigned(nal[1]) >> 3);
    temporal = std::min(temporal, nal[1] & 7U);
  }
  return {static_cast<std::uint8_t>(forbidden | unsigned(HevcType::kAp) << 1 | layer >> 5),
          static_cast<std::uint8_t>((layer & 31U) << 3 | temporal)};
}

}  // namespace

std::span<const Bytes> Packetizer::packetize(Codec codec, Bytes parameter_sets, Bytes access_unit,
                                             std::uint32_t timestamp, End end) {
  buffer_.clear();
  ranges_.clear();
  packets_.clear();
  timestamp_ = timestamp;

  if (codec == Codec::kAv1) {
    add_obus(access_unit, !parameter_sets.empty());
  } else {
    add_parameter_sets(codec, parameter_sets);
    NalReader reader(access_unit);
    while (const auto nal = reader.next()) {
      if (is_sendable(codec, *nal)) add_nal(codec, *nal);
    }
  }

  if (!ranges_.empty() && end == End::kAccessUnit) {
    std::uint8_t& marker_and_type = buffer_[ranges_.back().offset + 1];
    marker_and_type = static_cast<std::uint8_t>(marker_and_type | kMarker);
  }
  for (const Range range : ranges_) {
    packets_.push_back(Bytes(buffer_).subspan(range.offset, range.size));
  }
  return packets_;
}

void Packetizer::add_parameter_sets(Codec codec, Bytes annex_b) {
  const std::size_t header = codec == Codec::kH264 ? kH264HeaderBytes : kHevcHeaderBytes;
  aggregate_.clear();
  std::size_t size = header;
  NalReader reader(annex_b);
  while (const auto nal = reader.next()) {
    if (!is_sendable(codec, *nal)) continue;
    aggregate_.push_back(*nal);
    size += kSizeFieldBytes + nal->size();
  }
  const bool fits = size <= std::min(max_payload(), kMaxAggregatedNal);
  if (aggregate_.size() < 2 || !fits) {
    for (const Bytes nal : aggregate_) add_nal(codec, nal);
    return;
  }
  begin_packet();
  if (codec == Codec::kH264) {
    put(stap_a_header(aggregate_));
  } else {
    const auto [first, second] = ap_header(aggregate_);
    put(first);
    put(second);
  }
  for (const Bytes nal : aggregate_) {
    put(byte_of(static_cast<std::uint32_t>(nal.size()), 8));
    put(byte_of(static_cast<std::uint32_t>(nal.size()), 0));
    put(nal);
  }
  end_packet();
}

void Packetizer::add_nal(Codec codec, Bytes nal) {
  if (nal.size() > max_payload()) {
    add_fragments(codec, nal);
    return;
  }
  begin_packet();
  put(nal);
  end_packet();
}

void Packetizer::add_fragments(Codec codec, Bytes nal) {
  // The unit's own header is not repeated: its fields travel in the fragments' headers (RFC
  // 6184 5.8, RFC 7798 4.4.3). A unit that needs fragments is larger than one of them, so that no
  // fragment is both the first and the last, which both documents forbid.
  const bool h264 = codec == Codec::kH264;
  const std::size_t header = h264 ? kH264HeaderBytes : kHevcHeaderBytes;
  const std::size_t chunk = max_payload() - header - 1;
  const auto type = h264 ? unsigned(h264_type(nal)) : unsigned(hevc_type(nal));
  Bytes rest = nal.subspan(header);
  for (std::uint8_t position = kFuStart; !rest.empty(); position = 0) {
    const Bytes part = rest.first(std::min(chunk, rest.size()));
    rest = rest.subspan(part.size());
    if (rest.empty()) position |= kFuEnd;
    begin_packet();
    if (h264) {
      put(static_cast<std::uint8_t>((nal[0] & 0xe0U) | unsigned(H264Type::kFuA)));
    } else {
      put(static_cast<std::uint8_t>((nal[0] & 0x81U) | unsigned(HevcType::kFu) << 1));
      put(nal[1]);
    }
    put(static_cast<std::uint8_t>(position | type));
    put(part);
    end_packet();
  }
}

// Section 5: without temporal delimiters, tile lists and padding, and without size fields.
void Packetizer::add_obus(Bytes temporal_unit, bool new_sequence) {
  new_sequence_ = new_sequence;
  ObuReader reader(temporal_unit);
  while (const auto obu = reader.next()) {
    if (obu->type == ObuType::kTemporalDelimiter || obu->type == ObuType::kTileList ||
        obu->type == ObuType::kPadding) {
      continue;
    }
    const std::uint8_t header = obu->bytes[0];
    element_.assign(1, static_cast<std::uint8_t>(header & ~kObuHasSize));
    if ((header & kObuHasExtension) != 0) element_.push_back(obu->bytes[1]);
    element_.insert(element_.end(), obu->payload.begin(), obu->payload.end());
    add_element(element_);
  }
  if (aggregation_header_ != 0) end_packet();
  aggregation_header_ = 0;
}

void Packetizer::add_element(Bytes element) {
  constexpr std::size_t kLeast = 2;  // a length and a byte
  for (std::uint8_t flags = 0; !element.empty();) {
    const auto room = [this] {
      return settings_.max_packet_bytes - (buffer_.size() - ranges_.back().offset);
    };
    if (aggregation_header_ != 0 && room() < kLeast) {
      end_packet();
      aggregation_header_ = 0;
    }
    if (aggregation_header_ == 0) {
      begin_packet();
      aggregation_header_ = buffer_.size();
      if (std::exchange(new_sequence_, false)) flags |= kNewSequence;
      put(flags);
    }
    const std::size_t fits = room() - leb128_bytes(room());
    const Bytes part = element.first(std::min(fits, element.size()));
    element = element.subspan(part.size());
    for (std::size_t left = part.size(), more = 1; more != 0; left = more) {
      more = left >> 7U;
      put(static_cast<std::uint8_t>((left & 0x7fU) | (more != 0 ? 0x80U : 0U)));
    }
    put(part);
    if (element.empty()) return;
    std::uint8_t& aggregation = buffer_[aggregation_header_];
    aggregation = static_cast<std::uint8_t>(aggregation | kContinued);
    end_packet();
    aggregation_header_ = 0;
    flags = kContinues;
  }
}

void Packetizer::begin_packet() {
  ranges_.push_back({buffer_.size(), 0});
  const std::uint32_t sequence = std::uint32_t{settings_.first_sequence} + sent_packets_++;
  const bool extended = extension_bytes(settings_.extensions) > 0;
  put(extended ? kVersion2 | kHasExtension : kVersion2);
  put(static_cast<std::uint8_t>(settings_.payload_type & 0x7fU));
  put(byte_of(sequence, 8));
  put(byte_of(sequence, 0));
  for (const unsigned shift : {24U, 16U, 8U, 0U}) put(byte_of(timestamp_, shift));
  for (const unsigned shift : {24U, 16U, 8U, 0U}) put(byte_of(settings_.ssrc, shift));
  put_extensions(settings_.extensions, capture_ntp_, buffer_);
}

void Packetizer::end_packet() { ranges_.back().size = buffer_.size() - ranges_.back().offset; }

}  // namespace lumen::rtp
