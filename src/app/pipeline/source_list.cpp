#include "app/pipeline/source_list.h"

#include <utility>

#include <fmt/format.h>

#include "capture/session/kwin/connection.h"

namespace lumen {
namespace {

using pipewire::NodeInfo;

// A size that fits most screens; the user will ask for another.
constexpr Extent kVirtualSize{1920, 1080};

std::string text_of(const NodeInfo& node) {
  const std::string& text = node.description.empty() ? node.application : node.description;
  return text + (node.camera ? " (camera)" : "");
}

// KWin describes an output of no maker as " ".
bool is_blank(const std::string& text) { return text.find_first_not_of(' ') == std::string::npos; }

std::string with_size(const std::string& what, Extent size) {
  return size.empty() ? what : fmt::format("{}, {}x{}", what, size.width, size.height);
}

SourceOffer from_output(std::string kind, const session::OutputInfo& output) {
  return {.source = fmt::format("{}:{}", kind, output.name),
          .kind = std::move(kind),
          .name = output.name,
          .description =
              with_size(is_blank(output.description) ? "output" : output.description, output.size),
          .size = output.size};
}

SourceOffer virtual_output(std::string kind) {
  return {.source = fmt::format("{}:virtual={}x{}", kind, kVirtualSize.width, kVirtualSize.height),
          .kind = std::move(kind),
          .description = "a virtual output of this or any other size"};
}

void add_kwin(const kwin::KwinView& view, std::vector<SourceOffer>& offers) {
  if (view.permission == kwin::Permission::kMissing) return;
  for (const session::OutputInfo& output : view.outputs) {
    offers.push_back(from_output("kwin", output));
  }
  for (const kwin::WindowInfo& window : view.windows) {
    offers.push_back({.source = "kwin:window=" + window.title,
                      .kind = "kwin",
                      .name = window.title,
                      .description = "window of " + window.app_id});
  }
  offers.push_back(virtual_output("kwin"));
}

void add_nodes(const std::vector<NodeInfo>& nodes, std::vector<SourceOffer>& offers) {
  for (const NodeInfo& node : nodes) {
    if (node.name == "gamescope") continue;
    offers.push_back({.source = fmt::format("node:id={}", node.id),
                      .kind = "node",
                      .name = node.name,
                      .description = text_of(node),
                      .node = node});
  }
}

}  // namespace

std::vector<SourceOffer> list_sources(const Surroundings& around) {
  std::vector<SourceOffer> offers;
  const auto gamescopes = pipewire::gamescope_nodes(around.nodes);
  for (std::size_t i = 0; i < gamescopes.size(); ++i) {
    const unsigned number = gamescopes.size() == 1 ? 0U : static_cast<unsigned>(i + 1);
    offers.push_back({.source = to_string(SourceSpec{GamescopeSource{.number = number}}),
                      .kind = "gamescope",
                      .name = gamescopes[i].name,
                      .description = fmt::format("PipeWire id {}", gamescopes[i].id),
                      .node = gamescopes[i]});
  }
  if (around.kwin) add_kwin(*around.kwin, offers);
  if (around.mutter) {
    for (const auto& monitor : *around.mutter) offers.push_back(from_output("mutter", monitor));
    offers.push_back(virtual_output("mutter"));
  }
  add_nodes(around.nodes, offers);
  if (around.portal == DesktopPortal::kShares) {
    offers.push_back({.source = "portal",
                      .kind = "portal",
                      .description = "what is chosen in the desktop's own dialog"});
  }
  return offers;
}

std::vector<std::string> list_obstacles(const Surroundings& around) {
  if (around.kwin && around.kwin->permission == kwin::Permission::kMissing) {
    return {kwin::not_allowed().describe()};
  }
  return {};
}

}  // namespace lumen
