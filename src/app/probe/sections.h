// What the probe asks in child processes, one driver in each: a section returns one JSON object
// with "ok", and "reason" (and "hint") where that is false. Each may crash or hang with its driver.
#pragma once

#include <string_view>

#include "app/probe/json.h"

namespace lumen::probe {

/// {"libraries": [{"name", "found", "path", "version", "reason"}]}
Json ask_libraries();

/// {"version", "devices": [{"name", "uuid", "pci", "compute", "chosen"}], "stand_in"}
Json ask_cuda();

/// {"client_extensions": [{"name", "present"}], "devices": [{"drm_node", "uuid", "cuda_ordinal",
/// "software", "ok", "reason", "vendor", "extensions", "formats"}]}
Json ask_egl();

/// {"devices": [{"name", "uuid", "api", "driver", "extensions", "ok", "reason", "queue",
/// "features", "in_place", "formats"}]}
Json ask_vulkan();

/// {"api", "codecs": [{"name", "caps": {…}}]}
Json ask_nvenc();

/// {"nodes": [{"id", "name", "camera", "formats": [{"formats", "dmabuf", "bit_depth", "color",
/// "modifiers", "width", "height"}]}]}: what runs now and what it offers; "color" is null where it
/// says none.
Json ask_compositor();

/// Route `name` of the importer registry, proven with pictures and timed: {"formats", "modifiers":
/// [{"modifier", "name", "works", "maker", "reason"}], "timing": [{"width", "height", "us",
/// "floor_us"}], "ten_bits": {"ok", "reason", "modifiers"}, "provable"}
Json ask_route(std::string_view name);

/// `name` is "BACKEND:CODEC" of the encoder registry, tried with a picture: {"encoder", "reads",
/// "in_place", "formats": ["4:2:0 8 bit", …], "recovery": ["invalidation", …], "change_bitrate",
/// "change_size", "damage", "sub_frame", "qp_map", "largest": [width, height] or null}
Json ask_encoder(std::string_view name);

/// The child's side: prctl, one section, its answer on standard output as one line. Nothing but the
/// answer goes there, whatever a driver prints. Never returns.
[[noreturn]] void run_section(std::string_view section);

}  // namespace lumen::probe
