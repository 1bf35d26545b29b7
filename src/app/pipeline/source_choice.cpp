#include "app/pipeline/source_choice.h"

#include <fmt/format.h>

#include "capture/pipewire/connection.h"
#include "capture/session/kwin/connection.h"
#include "capture/session/mutter/monitors.h"
#include "capture/session/portal/portal_client.h"
#include "core/log.h"

namespace lumen {
namespace {

template <typename View>
std::optional<View> if_there(Result<View> view) {
  if (view) return std::move(*view);
  log::area("capture").debug("{}", view.error().describe());
  return std::nullopt;
}

/// The newest that is no camera.
std::optional<pipewire::NodeInfo> other_node(const std::vector<pipewire::NodeInfo>& nodes) {
  return pipewire::select(nodes, pipewire::AnyNode{});
}

SourceSpec spec_of(const pipewire::NodeInfo& node) {
  SourceSpec spec(std::in_place_type<NodeSource>);
  std::get<NodeSource>(spec).which.emplace<NodeSerial>(NodeSerial{node.serial});
  return spec;
}

}  // namespace

Result<Surroundings> look_around() {
  auto nodes = pipewire::list_nodes();
  if (!nodes) return tl::unexpected(std::move(nodes.error()));
  Surroundings around;
  around.nodes = std::move(*nodes);
  around.kwin = if_there(kwin::look_at_kwin());
  around.mutter = if_there(mutter::look_at_mutter());
  return around;
}

Result<void> look_for_portal(Surroundings& around) {
  const auto never = StopFd::create({});
  if (!never) return tl::unexpected(never.error());
  const auto portal = session::portal::PortalClient::open(**never);
  around.portal = portal ? DesktopPortal::kShares : DesktopPortal::kAbsent;
  if (portal) return {};
  log::area("capture").debug("{}", portal.error().describe());
  return tl::unexpected(portal.error());
}

Result<SourceChoice> choose_source(const Surroundings& around, AbsentSource absent) {
  const pipewire::NodeSelector gamescope = pipewire::GamescopeNode{};
  if (auto clear = pipewire::check_unambiguous(around.nodes, gamescope, absent); !clear) {
    return tl::unexpected(std::move(clear.error()));
  }
  if (pipewire::select(around.nodes, gamescope)) {
    return SourceChoice{GamescopeSource{}, "because a gamescope runs"};
  }
  std::string against;
  if (around.kwin && around.kwin->outputs.empty()) {
    against = "; KWin has no output";
  } else if (around.kwin && around.kwin->permission == kwin::Permission::kMissing) {
    against = "; " + kwin::not_allowed().describe();
  } else if (around.kwin) {
    return SourceChoice{KwinSource{}, "because KWin runs and casts by itself"};
  }
  if (around.mutter && !around.mutter->empty()) {
    return SourceChoice{MutterSource{}, "because Mutter runs and casts by itself" + against};
  }
  if (around.mutter) against += "; Mutter has no monitor (--source mutter:virtual=1920x1080)";
  if (const auto node = other_node(around.nodes)) {
    return SourceChoice{spec_of(*node), fmt::format("because {} is what PipeWire has{}",
                                                    to_string(*node), against)};
  }
  if (around.portal == DesktopPortal::kShares) {
    return SourceChoice{PortalSource{},
                        "because the desktop's own dialog is the way to a picture here" + against};
  }
  Error error = pipewire::node_not_found(around.nodes, pipewire::AnyNode{});
  error.message += against;
  return tl::unexpected(std::move(error));
}

}  // namespace lumen
