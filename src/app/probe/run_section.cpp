#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/probe/sections.h"

namespace lumen::probe {
namespace {

struct Section {
  std::string_view name;
  Json (*ask)();
};
constexpr std::array kSections = {Section{"libraries", ask_libraries},
                                  Section{"cuda", ask_cuda},
                                  Section{"egl", ask_egl},
                                  Section{"vulkan", ask_vulkan},
                                  Section{"nvenc", ask_nvenc},
                                  Section{"compositor", ask_compositor}};
constexpr std::string_view kRoute = "route:";
constexpr std::string_view kEncoder = "encoder:";

Json ask(std::string_view name) {
  if (name.starts_with(kRoute)) return ask_route(name.substr(kRoute.size()));
  if (name.starts_with(kEncoder)) return ask_encoder(name.substr(kEncoder.size()));
  const auto section = std::ranges::find(kSections, name, &Section::name);
  if (section == kSections.end()) return {{"ok", false}, {"reason", "no such section"}};
  return section->ask();
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

void run_section(std::string_view section) {
  // With the probe itself ends whoever it has asked; what crashes shall leave no core behind.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
  // Some drivers print to standard output.
  const int answer = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  Json json;
  try {
    json = ask(section);
  } catch (const std::exception& error) {
    json = {{"ok", false}, {"reason", error.what()}};
  }
  write_all(answer, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  // Drivers' exit handlers are none of the question.
  std::_Exit(static_cast<int>(ExitCode::kOk));
}

}  // namespace lumen::probe
