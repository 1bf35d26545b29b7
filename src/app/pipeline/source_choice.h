// --source auto: what runs in this session, and which of it is best. `lumen-host sources` lists the
// same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/options/source_spec.h"
#include "capture/pipewire/node_directory.h"
#include "capture/session/kwin/kwin_view.h"
#include "core/error.h"

namespace lumen {

/// What a source could be made of.
enum class DesktopPortal : std::uint8_t { kUnknown, kShares, kAbsent };

struct Surroundings {
  std::vector<pipewire::NodeInfo> nodes;
  std::optional<kwin::KwinView> kwin;                      // nothing: no KWin here
  std::optional<std::vector<session::OutputInfo>> mutter;  // nothing: no Mutter here
  DesktopPortal portal = DesktopPortal::kUnknown;
};

/// Asks PipeWire, the Wayland compositor and the session's D-Bus. kDeviceLost: no PipeWire, without
/// which nothing streams.
Result<Surroundings> look_around();

/// Asks the desktop portal too, which may have to be started for that: a second or more. The error,
/// as PortalClient::open() has it, says why it shares nothing; `around` has that it doesn't.
Result<void> look_for_portal(Surroundings& around);

struct SourceChoice {
  SourceSpec spec;
  std::string why;  // "because …", and what stood against a better one
};

/// A gamescope, since whoever runs one plays; then the session's compositor, then what else shows a
/// picture, but no camera; at last the portal, which asks the user. kNotFound where there is
/// nothing, with a hint. Where it needs the user's word: see check_unambiguous().
Result<SourceChoice> choose_source(const Surroundings& around,
                                   AbsentSource absent = AbsentSource::kIsError);

}  // namespace lumen
