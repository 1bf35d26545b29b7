#include <fmt/format.h>

#include "app/probe/formats_json.h"
#include "app/probe/sections.h"
#include "capture/pipewire/node_offers.h"

namespace lumen::probe {

Json ask_compositor() {
  auto offers = pipewire::list_offers();
  if (!offers) return failed(offers.error());
  Json answer = {{"ok", true}, {"nodes", Json::array()}};
  for (const pipewire::NodeOffers& node : *offers) {
    Json formats = Json::array();
    for (const pipewire::OfferedFormat& offer : node.formats) {
      Json modifiers = Json::array();
      for (const Modifier modifier : offer.modifiers) modifiers.push_back(to_json(modifier));
      formats.push_back({{"formats", offer.formats},
                         {"dmabuf", offer.dmabuf},
                         {"bit_depth", offer.bit_depth},
                         {"color", offer.color ? Json(describe(*offer.color)) : Json(nullptr)},
                         {"modifiers", std::move(modifiers)},
                         {"width", offer.size.width},
                         {"height", offer.size.height}});
    }
    answer["nodes"].push_back({{"id", node.node.id},
                               {"name", node.node.name},
                               {"description", node.node.description},
                               {"camera", node.node.camera},
                               {"formats", std::move(formats)}});
  }
  return answer;
}

}  // namespace lumen::probe
