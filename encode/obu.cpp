#include "encode/obu.h"

namespace lumen {
namespace {

constexpr std::uint8_t kHasExtension = 4;
constexpr std::uint8_t kHasSize = 2;
constexpr unsigned kMaxSizeBytes = 8;  // leb128(), 4.10.5

/// The payload of the unit at the beginning; none where there is no whole unit.
std::optional<std::span<const std::uint8_t>> payload_of(std::span<const std::uint8_t> bytes) {
  if (bytes.empty() || (bytes[0] & kHasSize) == 0) return std::nullopt;
  std::size_t at = (bytes[0] & kHasExtension) != 0 ? 2 : 1;
  std::uint64_t payload = 0;
  for (unsigned i = 0; i < kMaxSizeBytes && at < bytes.size(); ++i) {
    const std::uint8_t byte = bytes[at++];
    payload |= std::uint64_t{byte & 0x7fU} << (7 * i);
    if ((byte & 0x80U) != 0) continue;
    if (payload > bytes.size() - at) return std::nullopt;
    return bytes.subspan(at, payload);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Obu> ObuReader::next() {
  const auto payload = payload_of(rest_);
  if (!payload) return std::nullopt;
  const auto size = static_cast<std::size_t>(payload->data() - rest_.data()) + payload->size();
  const Obu obu{static_cast<ObuType>(rest_[0] >> 3U & 15U), rest_.first(size), *payload};
  rest_ = rest_.subspan(size);
  return obu;
}

std::span<const std::uint8_t> without_temporal_delimiter(std::span<const std::uint8_t> unit) {
  ObuReader reader(unit);
  const auto first = reader.next();
  return first && first->type == ObuType::kTemporalDelimiter ? unit.subspan(first->bytes.size())
                                                             : unit;
}

}  // namespace lumen
