// What --source may be asked for in this session, as a list for people and scripts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/pipeline/source_choice.h"

namespace lumen {

struct SourceOffer {
  std::string source;                      // what --source takes
  std::string kind;                        // "gamescope", "kwin", "mutter", "node", "portal"
  std::string name;                        // an output's connector, a window's title, a node's name
  std::string description;                 // for people
  Extent size;                             // {0, 0}: not known before it streams
  std::optional<pipewire::NodeInfo> node;  // where it is PipeWire's already
};

/// In the order in which `auto` would take them; the test picture, which always is there, is left
/// out.
std::vector<SourceOffer> list_sources(const Surroundings& around);

/// What stands against more: one line each.
std::vector<std::string> list_obstacles(const Surroundings& around);

}  // namespace lumen
