// Pictures in host memory as libx264 and libx265 take them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "zerocopy/frame.h"

namespace lumen::software {

/// Read-only; the libraries' structures want it without const.
struct Planes {
  std::array<std::uint8_t*, 3> data{};
  std::array<int, 3> strides{};  // bytes
};

/// kInvalidArgument where the frame is not in host memory or not `wanted`.
Result<Planes> planes_of(const Frame& frame, Fourcc wanted);

/// Brings ten bits from the high end of their words, where P010 and Q410 have them, to the low end.
/// One thread; the result is valid until the next call.
class WordShifter {
 public:
  Planes to_low_end(const Planes& source, Fourcc format, Extent size);

 private:
  std::vector<std::uint16_t> words_;
};

/// Splits the interleaved chroma of P010 into two planes, words as they are. One thread; the result
/// is valid until the next call.
class ChromaSplitter {
 public:
  Planes to_three_planes(const Planes& source, Extent size);

 private:
  std::vector<std::uint16_t> words_;
};

}  // namespace lumen::software
