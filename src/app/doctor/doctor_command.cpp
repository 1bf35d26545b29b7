// `lumen-host doctor`: looks for what keeps lumen from working here, and says what to do.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "app/doctor/checks.h"
#include "app/doctor/redact.h"
#include "app/probe/machine.h"
#include "app/probe/questions.h"
#include "app/status/status_text.h"
#include "app/stream_command.h"
#include "core/log.h"
#include "platform/linux/local_addresses.h"
#include "platform/linux/private_files.h"

namespace lumen {
namespace {

using doctor::Finding;
using doctor::Findings;
using doctor::Verdict;
using probe::Json;

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood: return "good";
    case Verdict::kNote: return "note";
    case Verdict::kBad: break;
  }
  return "bad";
}

std::string_view mark(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood: return "✓";
    case Verdict::kNote: return "–";
    case Verdict::kBad: break;
  }
  return "✗";
}

std::string text_of(const Findings& findings) {
  std::string text;
  std::string area;
  for (const Finding& finding : findings) {
    fmt::format_to(std::back_inserter(text), "{} {:<9} {}\n", mark(finding.verdict),
                   finding.area == area ? "" : finding.area, one_line(finding.text));
    area = finding.area;
    if (!finding.advice.empty()) {
      fmt::format_to(std::back_inserter(text), "  {:<9} → {}\n", "", one_line(finding.advice));
    }
  }
  return text;
}

Json json_of(const Findings& findings, const Json& machine) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"area", finding.area},
                    {"verdict", verdict_name(finding.verdict)},
                    {"text", finding.text},
                    {"advice", finding.advice.empty() ? Json(nullptr) : Json(finding.advice)}});
  }
  return {{"version", 1},
          {"lumen", LUMEN_VERSION},
          {"findings", std::move(list)},
          {"machine", machine}};
}

doctor::Private what_is_private() {
  doctor::Private known{.host = host_name()};
  if (const char* home = std::getenv("HOME")) known.home = home;
  std::array<char, 4096> memory{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, memory.data(), memory.size(), &found) == 0 &&
      found != nullptr) {
    known.user = found->pw_name;
  }
  return known;
}

std::string report_of(const Findings& findings, const Json& machine,
                      const ConfigLocation& location) {
  constexpr std::size_t kMostConfig = std::size_t{64} << 10;
  const auto config = read_small_file(location.path, kMostConfig);
  const std::string text =
      fmt::format("lumen-host {}\n\n{}\nmachine\n{}\n\n{}\n{}\n", LUMEN_VERSION, text_of(findings),
                  machine.dump(2, ' ', false, Json::error_handler_t::replace),
                  location.path.string(), config ? *config : "(none)");
  return redact(text, what_is_private());
}

}  // namespace

ExitCode run_doctor(const DoctorOptions& options, const ConfigLocation& location) {
  probe::let_signals_end_us();
  const Json machine = probe::inspect_machine();
  Findings findings;
  for (Findings some :
       {doctor::check_session(), doctor::check_sources(), doctor::check_permissions(machine),
        doctor::check_encoders(), doctor::check_web(), doctor::check_config(location),
        doctor::check_service(options.name)}) {
    std::ranges::move(some, std::back_inserter(findings));
  }
  if (!options.report.empty()) {
    if (auto written = write_secret(options.report, report_of(findings, machine, location));
        !written) {
      log::area("lumen").error("{}", written.error().describe());
      return ExitCode::kOutputFailed;
    }
  }
  if (options.format == OutputFormat::kJson) {
    fmt::print("{}\n",
               json_of(findings, machine).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{}", text_of(findings));
  }
  if (std::fflush(stdout) != 0) return ExitCode::kOutputFailed;
  const bool bad = std::ranges::any_of(
      findings, [](const Finding& one) { return one.verdict == Verdict::kBad; });
  return bad ? ExitCode::kProblemsFound : ExitCode::kOk;
}

}  // namespace lumen
