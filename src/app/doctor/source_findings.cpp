#include "app/doctor/source_findings.h"

#include <string_view>

#include <fmt/format.h>

#include "capture/session/kwin/connection.h"

namespace lumen::doctor {
namespace {

constexpr std::string_view kOtherDesktops =
    "desktops other than Plasma and GNOME are shared through the desktop portal";

Finding choice_finding(const Surroundings& around) {
  const auto choice = choose_source(around);
  if (choice) {
    return good("source", fmt::format("--source auto would take {}, {}", to_string(choice->spec),
                                      choice->why));
  }
  const Error& error = choice.error();
  const bool needs_portal =
      error.kind == ErrorKind::kNotFound && around.portal != DesktopPortal::kShares;
  return note("source", error.message,
              needs_portal ? fmt::format("{}; {}", error.hint, kOtherDesktops) : error.hint);
}

}  // namespace

Finding portal_finding(const Result<void>& portal) {
  if (portal) return good("portal", "the desktop portal answers and shares screens");
  return note("portal", portal.error().message, portal.error().hint);
}

Findings source_findings(const Surroundings& around) {
  if (!around.kwin || around.kwin->permission == kwin::Permission::kGranted) {
    return {choice_finding(around)};
  }
  const Error forbidden = kwin::not_allowed();
  Surroundings allowed = around;
  allowed.kwin.reset();  // what stands against it is a finding of its own
  return {bad("source", forbidden.message, forbidden.hint), choice_finding(allowed)};
}

}  // namespace lumen::doctor
