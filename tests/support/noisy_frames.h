// More detail than any bit rate has room for.
#pragma once

#include "zerocopy/frame.h"

namespace lumen::test {

/// A moving ramp under fresh noise of so many steps of luma; 0: the ramp only.
class NoisyFrames {
 public:
  NoisyFrames(Fourcc format, Extent size, unsigned noise = 40)
      : format_(format), size_(size), noise_(noise) {}
  [[nodiscard]] Frame at(std::uint32_t number) const;

 private:
  Fourcc format_;
  Extent size_;
  unsigned noise_;
};

}  // namespace lumen::test
