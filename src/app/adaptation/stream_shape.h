// What is encoded: size, frame rate and bit rate, and the steps in which lumen asks for less of
// them. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/geometry.h"
#include "core/time.h"

namespace lumen {

struct StreamShape {
  Extent size;
  FrameRate rate;
  std::uint64_t bitrate_bps = 0;  // 0: constant quality
  friend bool operator==(const StreamShape&, const StreamShape&) = default;
};

/// "1280x720 at 30 fps, 3.0 Mb/s"
std::string describe(const StreamShape& shape);

/// Shares of what was asked for.
struct ShapeStep {
  double rate = 1;
  double size = 1;  // of each side
  double bitrate = 1;
};

/// From all to the least: first frames, then pixels, then bits.
std::span<const ShapeStep> shape_steps();

/// Sides are even, and the size stays full where it would be below 160x64; the rate is at least 5
/// fps, unless the full one is below.
StreamShape reduced(const StreamShape& full, const ShapeStep& step);

/// A choice that a viewer may make; each is a step and an upper bound for adaptation.
struct QualityChoice {
  std::string_view id;  // "auto", "medium", …
  std::string label;    // "Medium: 1920x1080 at 60 fps, 10.0 Mb/s"
  ShapeStep most;
};

/// The first is "auto": all. Sizes are left alone where `may_change_size` is false.
std::vector<QualityChoice> quality_choices(const StreamShape& full, bool may_change_size);

}  // namespace lumen
