// What the probe's facts mean: the ladder, and one sentence on what this machine will do and what
// would make it do better. Pure.
#pragma once

#include <string>

#include "app/probe/json.h"
#include "core/ladder.h"

namespace lumen::probe {

/// The importer ladder as the planner will find it. `report` holds "routes" in registry order and
/// "nvenc".
Ladder ladder_of(const Json& report);

/// Exactly one sentence. `report` holds "machine", "libraries", "cuda", "nvenc", "routes",
/// "compositor"; what is missing counts as unknown.
std::string summary_of(const Json& report);

}  // namespace lumen::probe
