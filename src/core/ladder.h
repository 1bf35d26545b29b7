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

/// The steps above the first that was taken, with their reasons; neighbours with one reason are one
/// step: "egl, vulkan". Steps without a reason were not wanted and are left out.
inline Ladder steps_not_taken(const Ladder& ladder) {
  Ladder result;
  for (const LadderStep& step : ladder) {
    if (step.taken) break;
    if (step.reason.empty()) continue;
    if (!result.empty() && result.back().reason == step.reason) {
      result.back().name += ", " + step.name;
    } else {
      result.push_back(step);
    }
  }
  return result;
}

}  // namespace lumen
