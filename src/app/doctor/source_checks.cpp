#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/doctor/checks.h"
#include "app/doctor/source_findings.h"

namespace lumen::doctor {
namespace {

namespace fs = std::filesystem;

/// Of the session manager, which has no name of its own on the bus or in PipeWire's registry that
/// all versions share.
std::string session_manager() {
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    std::ifstream file(entry->path() / "comm");
    std::string name;
    if (!std::getline(file, name)) continue;
    struct stat about{};
    const bool ours = ::stat(entry->path().c_str(), &about) == 0 && about.st_uid == ::geteuid();
    if (ours && (name == "wireplumber" || name == "pipewire-media-")) return name;
  }
  return {};
}

Finding check_session_manager() {
  const std::string manager = session_manager();
  return manager.empty() ? bad("pipewire", "no session manager runs: nothing links two nodes",
                               "systemctl --user start wireplumber")
                         : good("pipewire", fmt::format("session manager {}", manager));
}

}  // namespace

Findings check_sources() {
  Findings findings;
  auto around = look_around();
  if (around) {
    findings.push_back(good("pipewire", "PipeWire answers"));
    findings.push_back(check_session_manager());
  } else {
    const Error& error = around.error();
    findings.push_back(bad("pipewire", error.message,
                           error.hint.empty() ? "systemctl --user status pipewire" : error.hint));
  }
  Surroundings known = around ? std::move(*around) : Surroundings{};
  findings.push_back(portal_finding(look_for_portal(known)));
  if (around) std::ranges::move(source_findings(known), std::back_inserter(findings));
  return findings;
}

}  // namespace lumen::doctor
