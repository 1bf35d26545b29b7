#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/control/bus_service.h"
#include "app/control/control_client.h"
#include "app/doctor/checks.h"
#include "platform/linux/unique_fd.h"

namespace lumen::doctor {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool somebody_listens(const fs::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.string().size() >= sizeof(address.sun_path)) return false;
  std::strncpy(address.sun_path, socket.c_str(), sizeof(address.sun_path) - 1);
  const auto fd = UniqueFd::take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd &&
         ::connect(fd.borrow(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

Finding check_runtime_folder() {
  const std::string folder = variable("XDG_RUNTIME_DIR");
  const std::string advice = "log in through PAM with systemd-logind, or set XDG_RUNTIME_DIR";
  if (folder.empty()) return bad("session", "XDG_RUNTIME_DIR is not set", advice);
  struct stat about{};
  if (::stat(folder.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) {
    return bad("session", fmt::format("XDG_RUNTIME_DIR {} is no folder", folder), advice);
  }
  if (about.st_uid != ::geteuid()) {
    return bad("session", fmt::format("XDG_RUNTIME_DIR {} belongs to another user", folder),
               "run lumen as the session's user, not with sudo");
  }
  return good("session", fmt::format("XDG_RUNTIME_DIR is {}", folder));
}

Finding check_wayland() {
  const std::string display = variable("WAYLAND_DISPLAY");
  if (display.empty()) {
    return note("session", "WAYLAND_DISPLAY is not set: no compositor of this session is known",
                "systemctl --user import-environment WAYLAND_DISPLAY, from inside the session");
  }
  const fs::path socket =
      display.front() == '/' ? fs::path(display) : fs::path(variable("XDG_RUNTIME_DIR")) / display;
  if (somebody_listens(socket)) return good("session", fmt::format("Wayland at {}", display));
  return bad("session", fmt::format("nobody answers at WAYLAND_DISPLAY {}", display),
             "is the compositor running, and as this user?");
}

control::BusPointer open_bus() {
  sd_bus* bus = nullptr;
  (void)sd_bus_open_user(&bus);
  return control::BusPointer(bus);
}

bool runs(sd_bus* bus, std::string_view name) {
  sd_bus_message* got = nullptr;
  const int done = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                      "org.freedesktop.DBus", "ListNames", nullptr, &got, "");
  const std::unique_ptr<sd_bus_message, decltype(&sd_bus_message_unref)> reply(
      got, &sd_bus_message_unref);
  if (done < 0 || sd_bus_message_enter_container(got, 'a', "s") < 0) return false;
  for (const char* one = nullptr; sd_bus_message_read(got, "s", &one) > 0;) {
    if (one == name) return true;
  }
  return false;
}

std::string text_property(sd_bus* bus, const std::string& unit, const char* property) {
  char* text = nullptr;
  const int done =
      sd_bus_get_property_string(bus, "org.freedesktop.systemd1", unit.c_str(),
                                 "org.freedesktop.systemd1.Unit", property, nullptr, &text);
  const std::unique_ptr<char, decltype(&std::free)> owned(text, &std::free);
  return done < 0 || text == nullptr ? "" : text;
}

Finding check_unit() {
  const auto bus = open_bus();
  constexpr const char* kNoManager = "systemd runs no user manager here";
  if (!bus) return note("service", kNoManager, "start lumen-host by hand");
  char* path = nullptr;
  if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", "lumen-host.service", &path) < 0) {
    return note("service", kNoManager, "start lumen-host by hand");
  }
  const std::unique_ptr<char, decltype(&std::free)> unit(path, &std::free);
  if (!runs(bus.get(), "org.freedesktop.systemd1")) {
    return note("service", kNoManager, "start lumen-host by hand");
  }
  const std::string loaded = text_property(bus.get(), unit.get(), "LoadState");
  const std::string active = text_property(bus.get(), unit.get(), "ActiveState");
  if (loaded != "loaded") {
    return note("service", "lumen-host.service is not installed",
                "install the package, or copy its unit to ~/.config/systemd/user");
  }
  if (active == "failed") {
    return bad("service", "lumen-host.service has failed", "journalctl --user -u lumen-host");
  }
  if (active == "active") return good("service", "lumen-host.service is active");
  return note("service", fmt::format("lumen-host.service is {}", active),
              "systemctl --user enable --now lumen-host");
}

}  // namespace

Findings check_session() {
  Findings findings{check_runtime_folder(), check_wayland()};
  if (open_bus()) {
    findings.push_back(good("session", "the session bus answers"));
  } else {
    findings.push_back(note("session", "there is no session bus",
                            "needed by the portal, GNOME's screen casts and control by D-Bus: "
                            "systemctl --user status dbus"));
  }
  return findings;
}

Findings check_service(const std::string& host_name) {
  Findings findings{check_unit()};
  auto client = control::ControlClient::connect(host_name);
  if (!client) {
    findings.push_back(good("service", client.error().message));
    return findings;
  }
  auto status = client->call({{"method", "status"}});
  if (!status) {
    findings.push_back(
        bad("service", status.error().message, "lumen-host stop, and start it again"));
    return findings;
  }
  findings.push_back(
      good("service", fmt::format("a host runs: {}, {} sinks", status->value("state", "?"),
                                  status->value("sinks", probe::Json::array()).size())));
  return findings;
}

}  // namespace lumen::doctor
