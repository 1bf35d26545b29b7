// Open bitstream units in an AV1 low-overhead stream (AV1 specification, 5.3): those with a size
// field. Reads any bytes without fault.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace lumen {

enum class ObuType : std::uint8_t {
  kSequenceHeader = 1,
  kTemporalDelimiter = 2,
  kTileList = 8,
  kPadding = 15,
};

struct Obu {
  ObuType type{};                         // any of the specification's, named above or not
  std::span<const std::uint8_t> bytes;    // header and size field included
  std::span<const std::uint8_t> payload;  // of them: what follows those
};

/// Walks the units; ends where the bytes are none.
class ObuReader {
 public:
  explicit ObuReader(std::span<const std::uint8_t> stream) : rest_(stream) {}
  std::optional<Obu> next();

 private:
  std::span<const std::uint8_t> rest_;
};

/// A temporal unit from behind its delimiter on.
std::span<const std::uint8_t> without_temporal_delimiter(std::span<const std::uint8_t> unit);

}  // namespace lumen
