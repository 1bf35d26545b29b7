// What the video nodes that run now offer, without streaming from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <spa/pod/pod.h>

#include "capture/pipewire/node_directory.h"
#include "core/color.h"
#include "core/error.h"
#include "core/geometry.h"
#include "core/pixel_format.h"

namespace lumen::pipewire {

/// One EnumFormat param of a node: every combination of its formats and modifiers is offered.
struct OfferedFormat {
  std::vector<std::string> formats;       // lumen's names; SPA's where lumen can't read the format
  unsigned bit_depth = 8;                 // the largest of those that lumen can read
  std::optional<ColorDescription> color;  // primaries and transfer, where it says any
  bool dmabuf = false;                    // the producer names modifiers
  std::vector<Modifier> modifiers;        // the preferred one first; none twice
  Extent size;                            // preferred; 0x0 where it says none
};

struct NodeOffers {
  NodeInfo node;
  std::vector<OfferedFormat> formats;  // in the node's order; empty: it told none
};

/// Connects, asks every video node, disconnects. Errors: as list_nodes().
Result<std::vector<NodeOffers>> list_offers();

/// kFormatRejected where the pod is no raw video format.
Result<OfferedFormat> parse_offer(const spa_pod* pod);

}  // namespace lumen::pipewire
