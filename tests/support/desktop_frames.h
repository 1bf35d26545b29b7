// A screen full of text on which one window scrolls.
#pragma once

#include <cstdint>

#include "zerocopy/frame.h"

namespace lumen::test {

/// Everything but window(), about a twentieth of the picture, stays the same from one picture to
/// the next. NV12, I420 and the like.
class DesktopFrames {
 public:
  DesktopFrames(Fourcc format, Extent size);
  /// Without damage.
  [[nodiscard]] Frame at(std::uint32_t number) const;
  [[nodiscard]] Rect window() const { return window_; }

 private:
  [[nodiscard]] std::uint8_t luma(std::uint32_t x, std::uint32_t y, std::uint32_t number) const;

  Fourcc format_;
  Extent size_;
  Rect window_;
  CpuImage screen_;
};

}  // namespace lumen::test
