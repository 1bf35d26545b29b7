#include "capture/session/mutter/monitors.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace lumen::mutter {
namespace {

using namespace std::chrono_literals;
using session::BusMessage;
using session::OutputInfo;

constexpr auto kMonitorsAnswerTime = 5s;
constexpr session::BusMethod kGetCurrentState = {
    .service = "org.gnome.Mutter.DisplayConfig",
    .path = "/org/gnome/Mutter/DisplayConfig",
    .interface = "org.gnome.Mutter.DisplayConfig",
    .member = "GetCurrentState",
};

/// Reads the reply's arrays and structures; the first failure makes all that follows do nothing.
class Reader {
 public:
  explicit Reader(sd_bus_message* message) : message_(message) {}

  bool enter(char type, const char* contents) {
    return check(sd_bus_message_enter_container(message_, type, contents));
  }
  void leave() { check(sd_bus_message_exit_container(message_)); }
  void skip(const char* types) { check(sd_bus_message_skip(message_, types)); }
  template <typename... Values>
  void read(const char* types, Values*... values) {
    check(sd_bus_message_read(message_, types, values...));
  }
  [[nodiscard]] int code() const { return code_; }

 private:
  bool check(int code) {
    if (code_ >= 0) code_ = code;
    return code_ > 0;
  }
  sd_bus_message* message_;
  int code_ = 0;
};

/// (siiddada{sv}): whether it is the current mode, and its size.
bool read_mode(Reader& reader, Extent& size) {
  if (!reader.enter('r', "siiddada{sv}")) return false;
  const char* id = nullptr;
  std::int32_t width = 0;
  std::int32_t height = 0;
  reader.read("sii", &id, &width, &height);
  reader.skip("ddad");
  bool current = false;
  for (reader.enter('a', "{sv}"); reader.enter('e', "sv"); reader.leave()) {
    const char* key = nullptr;
    reader.read("s", &key);
    if (key != nullptr && std::string_view(key) == "is-current") {
      int value = 0;
      reader.read("v", "b", &value);
      current = value != 0;
    } else {
      reader.skip("v");
    }
  }
  reader.leave();
  reader.leave();
  if (current && width > 0 && height > 0) {
    size = {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
  }
  return true;
}

/// ((ssss)a(siiddada{sv})a{sv})
bool read_monitor(Reader& reader, OutputInfo& monitor) {
  if (!reader.enter('r', "(ssss)a(siiddada{sv})a{sv}")) return false;
  const char* connector = "";
  const char* vendor = "";
  const char* product = "";
  const char* serial = "";
  reader.read("(ssss)", &connector, &vendor, &product, &serial);
  monitor.name = connector;
  monitor.description = fmt::format("{} {}", vendor, product);
  if (reader.enter('a', "(siiddada{sv})")) {
    while (read_mode(reader, monitor.size)) continue;
    reader.leave();
  }
  reader.skip("a{sv}");
  reader.leave();
  return true;
}

/// (iiduba(ssss)a{sv}): the connector of a primary monitor, else "".
bool read_logical(Reader& reader, std::string& primary) {
  if (!reader.enter('r', "iiduba(ssss)a{sv}")) return false;
  int is_primary = 0;
  reader.skip("iidu");
  reader.read("b", &is_primary);
  reader.enter('a', "(ssss)");
  const char* connector = nullptr;
  const char* vendor = nullptr;
  const char* product = nullptr;
  const char* serial = nullptr;
  reader.read("(ssss)", &connector, &vendor, &product, &serial);
  if (is_primary != 0 && connector != nullptr) primary = connector;
  while (reader.code() > 0) reader.read("(ssss)", &connector, &vendor, &product, &serial);
  reader.leave();
  reader.skip("a{sv}");
  reader.leave();
  return true;
}

}  // namespace

Result<std::vector<OutputInfo>> list_monitors(session::SessionBus& bus, const StopFd& stop) {
  auto request = bus.new_call(kGetCurrentState);
  if (!request) return tl::unexpected(std::move(request.error()));
  auto reply = bus.call(stop, std::move(*request), now() + kMonitorsAnswerTime);
  if (!reply) return tl::unexpected(std::move(reply.error()));
  Reader reader(reply->get());
  reader.skip("u");
  std::vector<OutputInfo> monitors;
  if (reader.enter('a', "((ssss)a(siiddada{sv})a{sv})")) {
    for (OutputInfo monitor; read_monitor(reader, monitor); monitor = {}) {
      if (!monitor.size.empty()) monitors.push_back(monitor);
    }
    reader.leave();
  }
  std::string primary;
  if (reader.enter('a', "(iiduba(ssss)a{sv})")) {
    while (read_logical(reader, primary)) continue;
  }
  if (reader.code() < 0) return session::bus_failure("Mutter's list of monitors", reader.code());
  const auto first = std::ranges::find(monitors, primary, &OutputInfo::name);
  if (first != monitors.end()) std::rotate(monitors.begin(), first, first + 1);
  return monitors;
}

Result<std::vector<OutputInfo>> look_at_mutter() {
  const auto never = StopFd::create({});
  if (!never) return tl::unexpected(never.error());
  const auto bus = session::SessionBus::open();
  if (!bus) return tl::unexpected(bus.error());
  return list_monitors(**bus, **never);
}

}  // namespace lumen::mutter
