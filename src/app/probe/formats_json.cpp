#include "app/probe/formats_json.h"

#include <fmt/format.h>

namespace lumen::probe {

Json to_json(Modifier modifier) {
  return {{"modifier", fmt::format("{:#018x}", modifier.value)}, {"name", describe(modifier)}};
}

Json to_json(Fourcc format, std::span<const Modifier> modifiers) {
  Json list = Json::array();
  for (const Modifier modifier : modifiers) list.push_back(to_json(modifier));
  return {{"format", to_string(format)}, {"modifiers", std::move(list)}};
}

}  // namespace lumen::probe
