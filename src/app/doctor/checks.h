// The questions that doctor asks of the machine and the session. Each looks for itself; none
// changes anything.
#pragma once

#include <string>

#include "app/doctor/finding.h"
#include "app/options/config_file.h"
#include "app/probe/json.h"

namespace lumen::doctor {

/// XDG_RUNTIME_DIR, Wayland, the session bus.
Findings check_session();
/// PipeWire and its session manager, the desktop portal, which may be started for that, and what
/// --source auto would take.
Findings check_sources();
/// DRM nodes and who may open them, from inspect_machine().
Findings check_permissions(const probe::Json& machine);
/// H.264 by each backend, tried in processes of their own.
Findings check_encoders();
/// What a page needs to play the stream.
Findings check_web();
/// The file itself, its setups, and the ports of its sinks.
Findings check_config(const ConfigLocation& location);
/// The unit lumen-host.service and a running host.
Findings check_service(const std::string& host_name);

}  // namespace lumen::doctor
