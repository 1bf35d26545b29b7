// What KWin has to show, for lists and for --source auto.
#pragma once

#include <vector>

#include "capture/session/cast_target.h"
#include "capture/session/kwin/window_list.h"
#include "core/error.h"

namespace lumen::kwin {

enum class Permission { kGranted, kMissing };

struct KwinView {
  Permission permission = Permission::kMissing;  // to cast
  std::vector<session::OutputInfo> outputs;
  std::vector<WindowInfo> windows;  // empty without permission
};

/// Connects, asks, disconnects. Errors: as Connection::open().
Result<KwinView> look_at_kwin();

}  // namespace lumen::kwin
