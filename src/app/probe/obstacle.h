// Why no GPU route works on a machine: the first cause that explains the rest, and what to do.
#pragma once

#include <string>

#include "app/probe/json.h"

namespace lumen::probe {

struct Obstacle {
  std::string cause;   // after "because"
  std::string advice;  // what to change, as a command; empty where nothing helps
};

/// The causes come from the ground up: hardware, kernel module, library, CUDA, DRM nodes, rights,
/// routes. Call it only where no route works.
Obstacle find_obstacle(const Json& report);

/// The first DRM node path of the GPU that CUDA has chosen, render nodes first; empty where it has
/// none.
std::string node_of_chosen_gpu(const Json& report);

/// The chosen device of the report's CUDA section, or null.
const Json& chosen_device(const Json& report);

}  // namespace lumen::probe
