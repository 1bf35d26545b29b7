// A ladder is an ordered list of ways to do one thing, best first. Each step is either taken or has
// a reason why not; the steps are printed once and kept in the status.
#pragma once

#include <string>
#include <vector>

namespace lumen {

struct LadderStep {
  std::string name;  // "ffmpeg-nvenc", "cpu"
  bool taken = false;
  std::string reason;  // why not, or what was taken ("libx264")
};

using Ladder = std::vector<LadderStep>;

}  // namespace lumen
