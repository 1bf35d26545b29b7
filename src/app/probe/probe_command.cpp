#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "app/probe/machine.h"
#include "app/probe/questions.h"
#include "app/probe/report_text.h"
#include "app/probe/sections.h"
#include "app/stream_command.h"
#include "zerocopy/importer_registry.h"

namespace lumen {
namespace {

std::vector<std::string_view> gpu_routes() {
  std::vector<std::string_view> names;
  for (const ImporterEntry& entry : importer_registry()) {
    if (entry.kind == RouteKind::kGpu) names.push_back(entry.name);
  }
  return names;
}

}  // namespace

ExitCode run_probe(const ProbeOptions& options) {
  probe::let_signals_end_us();
  if (!options.section.empty()) probe::run_section(options.section);
  const std::vector<std::string_view> routes = gpu_routes();
  const auto limit = probe::time_limit();
  const probe::Json report = probe::make_report(
      probe::inspect_machine(), routes,
      [limit](std::span<const std::string> names) { return probe::ask_processes(names, limit); });
  if (options.format == OutputFormat::kJson) {
    fmt::print("{}\n", report.dump(2, ' ', false, probe::Json::error_handler_t::replace));
  } else {
    fmt::print("{}", probe::report_text(report, probe::style_of_stdout()));
  }
  return std::fflush(stdout) == 0 ? ExitCode::kOk : ExitCode::kOutputFailed;
}

}  // namespace lumen
