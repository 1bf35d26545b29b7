// Pixel formats and modifiers in the report.
#pragma once

#include <span>

#include "app/probe/json.h"
#include "core/pixel_format.h"

namespace lumen::probe {

/// {"modifier": "0x0300000000606014", "name": "NVIDIA block-linear …"}
Json to_json(Modifier modifier);

/// {"format": "BGRx", "modifiers": […]}
Json to_json(Fourcc format, std::span<const Modifier> modifiers);

}  // namespace lumen::probe
