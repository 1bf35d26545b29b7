#include "encode/nal.h"

#include <algorithm>
#include <array>

namespace lumen {
namespace {

constexpr std::array<std::uint8_t, 3> kStartCode = {0, 0, 1};

// std::search on a three-byte needle; the standard library's memchr-free loop is fast enough for
// one access unit, and there is nothing to get wrong.
std::size_t find_start_code(std::span<const std::uint8_t> bytes) {
  const auto found = std::search(bytes.begin(), bytes.end(), kStartCode.begin(), kStartCode.end());
  return static_cast<std::size_t>(found - bytes.begin());
}

enum H264Type : unsigned { kH264Sps = 7, kH264Pps = 8 };
enum HevcType : unsigned { kHevcVps = 32, kHevcSps = 33, kHevcPps = 34 };

}  // namespace

NalReader::NalReader(std::span<const std::uint8_t> annex_b) {
  const std::size_t start = find_start_code(annex_b);
  if (start < annex_b.size()) rest_ = annex_b.subspan(start + kStartCode.size());
}

std::optional<std::span<const std::uint8_t>> NalReader::next() {
  while (!rest_.empty()) {
    const std::size_t end = find_start_code(rest_);
    auto nal = rest_.first(end);
    rest_ = end < rest_.size() ? rest_.subspan(end + kStartCode.size())
                               : std::span<const std::uint8_t>{};
    // A NAL unit never ends in a zero byte (7.4.1); zeros here belong to the next start code.
    while (!nal.empty() && nal.back() == 0) nal = nal.first(nal.size() - 1);
    if (!nal.empty()) return nal;
  }
  return std::nullopt;
}

unsigned nal_type(Codec codec, std::span<const std::uint8_t> nal) {
  if (nal.empty()) return 0;
  return codec == Codec::kH264 ? nal[0] & 0x1fU : (nal[0] >> 1U) & 0x3fU;
}

bool is_sps(Codec codec, std::span<const std::uint8_t> nal) {
  return nal_type(codec, nal) == (codec == Codec::kH264 ? unsigned{kH264Sps} : unsigned{kHevcSps});
}

bool is_parameter_set(Codec codec, std::span<const std::uint8_t> nal) {
  const unsigned type = nal_type(codec, nal);
  return codec == Codec::kH264 ? type == kH264Sps || type == kH264Pps
                               : type >= kHevcVps && type <= kHevcPps;
}

}  // namespace lumen
