#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/stream_command.h"
#include "capture/pipewire/connection.h"
#include "core/log.h"

namespace lumen {
namespace {

using pipewire::NodeInfo;

void print_table(const std::vector<NodeInfo>& nodes) {
  if (nodes.empty()) {
    fmt::print(
        "PipeWire has no video source now. Start a screen cast or gamescope, or try "
        "--source synthetic.\n");
    return;
  }
  fmt::print("{:<6} {:<8} {:<28} {}\n", "ID", "SERIAL", "NAME", "DESCRIPTION");
  for (const NodeInfo& node : nodes) {
    fmt::print("{:<6} {:<8} {:<28} {}{}\n", node.id, node.serial, node.name,
               node.description.empty() ? node.application : node.description,
               node.camera ? " (camera)" : "");
  }
  fmt::print("\nStream one with: lumen-host stream --source node:id={} --sink file:out.mp4\n",
             nodes.front().id);
}

void print_json(const std::vector<NodeInfo>& nodes) {
  auto list = nlohmann::json::array();
  for (const NodeInfo& node : nodes) {
    list.push_back({{"id", node.id},
                    {"serial", node.serial},
                    {"name", node.name},
                    {"description", node.description},
                    {"application", node.application},
                    {"media_class", node.media_class},
                    {"camera", node.camera}});
  }
  fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

ExitCode run_sources(const SourcesOptions& options) {
  auto nodes = pipewire::list_nodes();
  if (!nodes) {
    log::area("lumen").error("{}", nodes.error().describe());
    return nodes.error().kind == ErrorKind::kDeviceLost ? ExitCode::kPipeWireUnreachable
                                                        : ExitCode::kInternalError;
  }
  if (options.format == OutputFormat::kJson) {
    print_json(*nodes);
  } else {
    print_table(*nodes);
  }
  return std::fflush(stdout) == 0 ? ExitCode::kOk : ExitCode::kOutputFailed;
}

}  // namespace lumen
