// Settings of the synthetic source and the text they are given as: "1280x720@30".
#pragma once

#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "core/geometry.h"
#include "core/time.h"

namespace lumen {

struct SyntheticSettings {
  Extent size{1920, 1080};
  FrameRate rate{60, 1};
  std::uint64_t frame_limit = 0;  // frames due before the source ends; 0: none
};

/// "", "1280x720", "@30", "1280x720@30", "@30000/1001"; what is left out keeps its default.
/// Errors: kInvalidArgument on anything else, on sides of 0 or above kMaxSide and on rates of 0 or
/// above 1000 frames per second.
Result<SyntheticSettings> parse_synthetic_spec(std::string_view spec);

}  // namespace lumen
