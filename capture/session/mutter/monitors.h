// Mutter's monitors, by org.gnome.Mutter.DisplayConfig.
#pragma once

#include <vector>

#include "capture/session/cast_target.h"
#include "capture/session/session_bus.h"
#include "core/error.h"

namespace lumen::mutter {

/// Those that are on, the primary one first. Errors: as SessionBus::call(); kNotFound: no Mutter.
Result<std::vector<session::OutputInfo>> list_monitors(session::SessionBus& bus,
                                                       const StopFd& stop);

/// Connects, asks, disconnects.
Result<std::vector<session::OutputInfo>> look_at_mutter();

}  // namespace lumen::mutter
