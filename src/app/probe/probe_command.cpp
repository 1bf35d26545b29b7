#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
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

/// main() has blocked them for streams; a probe may just be ended.
void let_signals_end_us() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

std::vector<std::string_view> gpu_routes() {
  std::vector<std::string_view> names;
  for (const ImporterEntry& entry : importer_registry()) {
    if (entry.kind == RouteKind::kGpu) names.push_back(entry.name);
  }
  return names;
}

/// How long a driver may take to answer; LUMEN_PROBE_SECONDS is for machines that are emulated.
std::chrono::seconds time_limit() {
  constexpr std::chrono::seconds kUsual{15};
  const char* const text = std::getenv("LUMEN_PROBE_SECONDS");
  const std::string_view wish = text == nullptr ? "" : text;
  int seconds = 0;
  const auto [end, error] = std::from_chars(wish.data(), wish.data() + wish.size(), seconds);
  const bool valid = error == std::errc{} && end == wish.data() + wish.size() && seconds > 0;
  return valid ? std::min(std::chrono::seconds{seconds}, std::chrono::seconds{3600}) : kUsual;
}

}  // namespace

ExitCode run_probe(const ProbeOptions& options) {
  let_signals_end_us();
  if (!options.section.empty()) probe::run_section(options.section);
  const std::vector<std::string_view> routes = gpu_routes();
  const auto limit = time_limit();
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
