// lumen-mutter-stream: asks Mutter on the session bus for a screen cast of one monitor, prints the
// PipeWire node ("node-id=N") and keeps the cast alive until a signal or until Mutter ends it.
//
// The interface is org.gnome.Mutter.ScreenCast, as Mutter's data/dbus-interfaces describe it:
// CreateSession → RecordMonitor → Start, then the stream object says PipeWireStreamAdded. The cast
// lives as long as this process's bus connection.
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "command_line.h"

namespace {

using lumen::compositor::CommandLine;
using lumen::compositor::ExitStatus;

constexpr const char* kProgram = "lumen-mutter-stream";
constexpr const char* kService = "org.gnome.Mutter.ScreenCast";
constexpr const char* kSessionInterface = "org.gnome.Mutter.ScreenCast.Session";
constexpr const char* kStreamInterface = "org.gnome.Mutter.ScreenCast.Stream";

struct Settings {
  std::string connector = "Meta-0";  // name of Mutter's first virtual monitor
  std::uint32_t cursor_mode = 1;     // 0 hidden, 1 embedded in the picture (Mutter's values)
  double wait_seconds = 10;          // for Mutter to appear on the bus; 0 tries once
};

struct BusDeleter {
  void operator()(sd_bus* bus) const { sd_bus_flush_close_unref(bus); }
};
struct EventDeleter {
  void operator()(sd_event* event) const { sd_event_unref(event); }
};
struct MessageDeleter {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Bus = std::unique_ptr<sd_bus, BusDeleter>;
using Event = std::unique_ptr<sd_event, EventDeleter>;
using Message = std::unique_ptr<sd_bus_message, MessageDeleter>;

struct BusError {
  sd_bus_error value = SD_BUS_ERROR_NULL;
  BusError() = default;
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
  ~BusError() { sd_bus_error_free(&value); }

  [[nodiscard]] bool says_absent() const {
    return sd_bus_error_has_name(&value, SD_BUS_ERROR_SERVICE_UNKNOWN) != 0 ||
           sd_bus_error_has_name(&value, SD_BUS_ERROR_NAME_HAS_NO_OWNER) != 0 ||
           sd_bus_error_has_name(&value, SD_BUS_ERROR_UNKNOWN_OBJECT) != 0 ||
           sd_bus_error_has_name(&value, SD_BUS_ERROR_UNKNOWN_METHOD) != 0;
  }
  [[nodiscard]] const char* text(int code) const {
    return value.message != nullptr ? value.message : std::strerror(-code);
  }
};

ExitStatus failed(const char* what, const char* why) {
  std::fprintf(stderr, "%s: %s: %s\n", kProgram, what, why);
  return ExitStatus::kFailed;
}

int on_stream_added(sd_bus_message* message, void*, sd_bus_error*) {
  std::uint32_t node = 0;
  if (const int code = sd_bus_message_read(message, "u", &node); code < 0) return code;
  std::printf("node-id=%u\n", node);
  std::fflush(stdout);
  return 0;
}

int end(sd_bus_message* message, const char* why) {
  std::fprintf(stderr, "%s: %s\n", kProgram, why);
  return sd_event_exit(sd_bus_get_event(sd_bus_message_get_bus(message)), ExitStatus::kFailed);
}

int on_closed(sd_bus_message* message, void*, sd_bus_error*) {
  return end(message, "Mutter closed the screen cast");
}

int on_owner_changed(sd_bus_message* message, void*, sd_bus_error*) {
  return end(message, "Mutter left the session bus");
}

/// CreateSession, again and again while Mutter is still starting. The reply holds the path.
int create_session(sd_bus* bus, double wait_seconds, Message& reply, BusError& error) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(wait_seconds);
  for (;;) {
    sd_bus_message* raw = nullptr;
    sd_bus_error_free(&error.value);
    const int code = sd_bus_call_method(bus, kService, "/org/gnome/Mutter/ScreenCast", kService,
                                        "CreateSession", &error.value, &raw, "a{sv}", 0);
    reply.reset(raw);
    if (code >= 0 || !error.says_absent() || std::chrono::steady_clock::now() >= deadline) {
      return code;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

ExitStatus stream(const Settings& settings) {
  // sd_event_add_signal() takes only signals that are blocked already.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);

  sd_bus* raw_bus = nullptr;
  if (const int code = sd_bus_open_user(&raw_bus); code < 0) {
    return failed("no session bus", std::strerror(-code));
  }
  const Bus bus(raw_bus);
  BusError error;
  Message session_reply;
  int code = create_session(bus.get(), settings.wait_seconds, session_reply, error);
  if (code < 0) return failed("Mutter gives no screen cast session", error.text(code));
  const char* session = nullptr;
  code = sd_bus_message_read(session_reply.get(), "o", &session);
  if (code < 0) return failed("CreateSession", std::strerror(-code));

  sd_bus_message* raw = nullptr;
  code = sd_bus_call_method(bus.get(), kService, session, kSessionInterface, "RecordMonitor",
                            &error.value, &raw, "sa{sv}", settings.connector.c_str(), 1,
                            "cursor-mode", "u", settings.cursor_mode);
  const Message stream_reply(raw);
  if (code < 0) {
    return failed(("no cast of monitor " + settings.connector).c_str(), error.text(code));
  }
  const char* stream_path = nullptr;
  code = sd_bus_message_read(stream_reply.get(), "o", &stream_path);
  if (code < 0) return failed("RecordMonitor", std::strerror(-code));

  code = sd_bus_match_signal(bus.get(), nullptr, kService, stream_path, kStreamInterface,
                             "PipeWireStreamAdded", on_stream_added, nullptr);
  if (code >= 0) {
    code = sd_bus_match_signal(bus.get(), nullptr, kService, session, kSessionInterface, "Closed",
                               on_closed, nullptr);
  }
  if (code >= 0) {
    code = sd_bus_add_match(bus.get(), nullptr,
                            "type='signal',sender='org.freedesktop.DBus',"
                            "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                            "arg0='org.gnome.Mutter.ScreenCast'",
                            on_owner_changed, nullptr);
  }
  if (code < 0) return failed("can't listen to Mutter", std::strerror(-code));

  sd_event* raw_event = nullptr;
  code = sd_event_new(&raw_event);
  if (code < 0) return failed("no event loop", std::strerror(-code));
  const Event event(raw_event);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  const auto stop = [](sd_event_source* source, const signalfd_siginfo*, void*) {
    return sd_event_exit(sd_event_source_get_event(source), ExitStatus::kStopped);
  };
  code = sd_event_add_signal(event.get(), nullptr, SIGINT, stop, nullptr);
  if (code >= 0) code = sd_event_add_signal(event.get(), nullptr, SIGTERM, stop, nullptr);
  if (code >= 0) code = sd_bus_attach_event(bus.get(), event.get(), SD_EVENT_PRIORITY_NORMAL);
  // Losing the bus itself ends the loop with an error.
  if (code >= 0) code = sd_bus_set_exit_on_disconnect(bus.get(), 1);
  if (code < 0) return failed("no event loop", std::strerror(-code));

  code = sd_bus_call_method(bus.get(), kService, session, kSessionInterface, "Start", &error.value,
                            nullptr, "");
  if (code < 0) return failed("the screen cast doesn't start", error.text(code));
  const int status = sd_event_loop(event.get());
  sd_bus_detach_event(bus.get());
  return status == 0 ? ExitStatus::kStopped : ExitStatus::kFailed;
}

void print_help() {
  std::printf(
      "Usage: %s [--connector NAME] [--cursor embedded|hidden] [--wait SECONDS]\n"
      "Asks Mutter for a PipeWire stream of a monitor, prints node-id=N and stays until a signal.\n"
      "  --connector NAME   monitor to record (default Meta-0, the first virtual monitor)\n"
      "  --cursor MODE      embedded (default): the cursor is part of the picture; hidden\n"
      "  --wait SECONDS     how long Mutter may take to appear on the bus (default 10)\n",
      kProgram);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CommandLine words(argc, argv);
  while (const auto word = words.next()) {
    if (*word == "--help" || *word == "-h") {
      print_help();
      return ExitStatus::kStopped;
    }
    if (*word == "--connector") {
      settings.connector = words.value_of(*word);
    } else if (*word == "--wait") {
      settings.wait_seconds = words.seconds_of(*word);
    } else if (*word == "--cursor") {
      const std::string mode = words.value_of(*word);
      if (mode != "embedded" && mode != "hidden") words.reject(mode);
      settings.cursor_mode = mode == "embedded" ? 1 : 0;
    } else {
      words.reject(*word);
    }
  }
  return stream(settings);
}
