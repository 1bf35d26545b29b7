#include "encode/parameter_sets.h"

#include "encode/nal.h"
#include "encode/obu.h"

namespace lumen {
namespace {

constexpr std::uint8_t kBaselineProfile = 66;
constexpr std::uint8_t kConstraintSet1 = 0x40;
constexpr std::uint8_t kConstraintSet2 = 0x20;

std::vector<std::uint8_t> sequence_header(std::span<const std::uint8_t> obus) {
  ObuReader reader(obus);
  while (const auto obu = reader.next()) {
    if (obu->type == ObuType::kSequenceHeader) return {obu->bytes.begin(), obu->bytes.end()};
  }
  return {};
}

}  // namespace

std::vector<std::uint8_t> pure_parameter_sets(Codec codec, std::span<const std::uint8_t> annex_b) {
  if (codec == Codec::kAv1) return sequence_header(annex_b);
  std::vector<std::uint8_t> result;
  bool sps_seen = false;
  NalReader reader(annex_b);
  while (const auto nal = reader.next()) {
    if (!is_parameter_set(codec, *nal)) continue;
    result.insert(result.end(), {0, 0, 0, 1});
    const std::size_t start = result.size();
    result.insert(result.end(), nal->begin(), nal->end());
    if (!is_sps(codec, *nal)) continue;
    sps_seen = true;
    // seq_parameter_set_data() begins with profile_idc and the constraint flags (7.3.2.1.1).
    if (codec == Codec::kH264 && nal->size() > 3 && (*nal)[1] == kBaselineProfile &&
        ((*nal)[2] & kConstraintSet1) != 0) {
      result[start + 2] |= kConstraintSet2;
    }
  }
  if (!sps_seen) result.clear();
  return result;
}

}  // namespace lumen
