#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/pipeline/source_list.h"
#include "app/stream_command.h"
#include "core/log.h"

namespace lumen {
namespace {

void print_table(const Surroundings& around) {
  const std::vector<SourceOffer> offers = list_sources(around);
  const std::vector<std::string> obstacles = list_obstacles(around);
  if (offers.empty()) {
    fmt::print(
        "There is nothing to stream now. Start a screen cast or gamescope, or try "
        "--source synthetic.\n");
  } else {
    fmt::print("{:<28} {:<24} {}\n", "SOURCE", "NAME", "DESCRIPTION");
    for (const SourceOffer& offer : offers) {
      fmt::print("{:<28} {:<24} {}\n", offer.source, offer.name, offer.description);
    }
  }
  for (const std::string& obstacle : obstacles) fmt::print("\n{}\n", obstacle);
  if (const auto choice = choose_source(around)) {
    fmt::print("\n--source auto is {}, {}.\n", to_string(choice->spec), choice->why);
  }
  if (!offers.empty()) {
    fmt::print("Stream one with: lumen-host stream --source '{}' --sink web\n",
               offers.front().source);
  }
}

nlohmann::json to_json(const SourceOffer& offer) {
  nlohmann::json object = {{"source", offer.source},
                           {"kind", offer.kind},
                           {"name", offer.name},
                           {"description", offer.description}};
  if (!offer.size.empty()) {
    object["width"] = offer.size.width;
    object["height"] = offer.size.height;
  }
  if (offer.node) {
    object["id"] = offer.node->id;
    object["serial"] = offer.node->serial;
    object["application"] = offer.node->application;
    object["media_class"] = offer.node->media_class;
    object["camera"] = offer.node->camera;
  }
  return object;
}

void print_json(const Surroundings& around) {
  auto list = nlohmann::json::array();
  for (const SourceOffer& offer : list_sources(around)) list.push_back(to_json(offer));
  fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

ExitCode run_sources(const SourcesOptions& options) {
  auto around = look_around();
  if (!around) {
    log::area("lumen").error("{}", around.error().describe());
    return around.error().kind == ErrorKind::kDeviceLost ? ExitCode::kPipeWireUnreachable
                                                         : ExitCode::kInternalError;
  }
  (void)look_for_portal(*around);
  if (options.format == OutputFormat::kJson) {
    print_json(*around);
  } else {
    print_table(*around);
  }
  return std::fflush(stdout) == 0 ? ExitCode::kOk : ExitCode::kOutputFailed;
}

}  // namespace lumen
