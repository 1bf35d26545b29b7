#include "capture/session/kwin/kwin_view.h"

#include "capture/session/kwin/connection.h"

namespace lumen::kwin {

Result<KwinView> look_at_kwin() {
  const auto never = StopFd::create({});
  if (!never) return tl::unexpected(never.error());
  const auto connection = Connection::open(**never);
  if (!connection) return tl::unexpected(connection.error());
  return KwinView{.permission = (*connection)->screencast() == nullptr ? Permission::kMissing
                                                                       : Permission::kGranted,
                  .outputs = (*connection)->outputs().all(),
                  .windows = (*connection)->windows().all()};
}

}  // namespace lumen::kwin
