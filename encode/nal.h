// NAL units in an Annex B byte stream (ITU-T H.264 and H.265 annex B): iteration and types. Reads
// any bytes without fault.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "encode/encoded_frame.h"

namespace lumen {

/// Walks the NAL units of an Annex B stream, without their start codes and trailing zero bytes.
/// Bytes before the first start code are skipped, empty units too.
class NalReader {
 public:
  explicit NalReader(std::span<const std::uint8_t> annex_b);
  std::optional<std::span<const std::uint8_t>> next();

 private:
  std::span<const std::uint8_t> rest_;  // begins behind a start code, or is empty
};

/// nal_unit_type; 0 for an empty unit.
unsigned nal_type(Codec codec, std::span<const std::uint8_t> nal);

bool is_sps(Codec codec, std::span<const std::uint8_t> nal);
/// SPS or PPS; HEVC: VPS too.
bool is_parameter_set(Codec codec, std::span<const std::uint8_t> nal);

}  // namespace lumen
