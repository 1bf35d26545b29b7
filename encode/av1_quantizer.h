// Quantizers of H.264 and HEVC in AV1's words.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace lumen {

/// AV1's base_q_idx, 1 to 255, whose step is nearest to that of H.264's quantizer `qp`, 0 to 51:
/// 0.625 · 2^(qp/6) there (H.264 table 8-15 and 8.5.9), Ac_Qlookup / 8 here (AV1 7.12.2, 8 bits).
/// Never 0, which is another mode: lossless.
inline unsigned av1_quantizer_index(unsigned qp) {
  static constexpr std::array<std::uint8_t, 52> kIndex{
      1,   1,   1,   1,   1,   2,   3,   4,   6,   7,   9,   11,  13,  15,  18,  21,  25,  29,
      33,  38,  43,  50,  56,  64,  73,  83,  94,  101, 107, 115, 123, 129, 137, 143, 150, 156,
      163, 169, 175, 182, 188, 194, 200, 206, 212, 218, 224, 231, 237, 242, 249, 254};
  return kIndex.at(std::min<std::size_t>(qp, kIndex.size() - 1));
}

}  // namespace lumen
