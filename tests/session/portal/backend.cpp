#include "backend.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace lumen::portal_backend {
namespace {

constexpr const char* kName = "org.freedesktop.impl.portal.desktop.lumentest";
constexpr const char* kObject = "/org/freedesktop/portal/desktop";
constexpr const char* kSessionInterface = "org.freedesktop.impl.portal.Session";
constexpr const char* kVendor = "lumentest";
constexpr std::uint32_t kVersion = 4;  // of the interface: restore tokens came with it
constexpr std::uint32_t kPersistUntilRevoked = 2;

[[gnu::format(printf, 1, 2)]] void say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::putchar('\n');
  std::fflush(stdout);
}

/// What SelectSources may bring.
struct Options {
  std::uint32_t types = 0;
  std::uint32_t cursor_mode = 0;
  std::uint32_t persist_mode = 0;
  bool restore_data = false;
};

int read_options(sd_bus_message* call, Options& options) {
  int code = sd_bus_message_enter_container(call, 'a', "{sv}");
  while (code >= 0 && (code = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
    const char* key = nullptr;
    code = sd_bus_message_read(call, "s", &key);
    if (code < 0) return code;
    const std::string_view name = key;
    std::uint32_t* const number = name == "types"          ? &options.types
                                  : name == "cursor_mode"  ? &options.cursor_mode
                                  : name == "persist_mode" ? &options.persist_mode
                                                           : nullptr;
    if (name == "restore_data") options.restore_data = true;
    code = number != nullptr ? sd_bus_message_read(call, "v", "u", number)
                             : sd_bus_message_skip(call, "v");
    if (code >= 0) code = sd_bus_message_exit_container(call);
  }
  return code < 0 ? code : sd_bus_message_exit_container(call);
}

}  // namespace

template <int (Backend::*kHandler)(sd_bus_message*)>
int Backend::handle(sd_bus_message* call, void* self, sd_bus_error*) {
  const int code = (static_cast<Backend*>(self)->*kHandler)(call);
  return code < 0 ? code : 1;  // 0 would mean: not handled
}

int Backend::tell_property(sd_bus*, const char*, const char*, const char* name, sd_bus_message* to,
                           void* self, sd_bus_error*) {
  const Script& script = static_cast<Backend*>(self)->script_;
  const std::string_view which = name;
  return sd_bus_message_append(to, "u",
                               which == "AvailableSourceTypes"   ? script.source_types
                               : which == "AvailableCursorModes" ? script.cursor_modes
                                                                 : kVersion);
}

const sd_bus_vtable Backend::kScreenCast[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("CreateSession", "oosa{sv}", "ua{sv}", handle<&Backend::create_session>,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("SelectSources", "oosa{sv}", "ua{sv}", handle<&Backend::select_sources>,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Start", "oossa{sv}", "ua{sv}", handle<&Backend::start>,
                  SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("AvailableSourceTypes", "u", tell_property, 0, 0),
    SD_BUS_PROPERTY("AvailableCursorModes", "u", tell_property, 0, 0),
    SD_BUS_PROPERTY("version", "u", tell_property, 0, 0),
    SD_BUS_VTABLE_END,
};
const sd_bus_vtable Backend::kRequest[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Close", "", "", handle_close_request, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};
const sd_bus_vtable Backend::kSession[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Close", "", "", handle_close_session, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("Closed", "", 0),
    SD_BUS_PROPERTY("version", "u", tell_property, 0, 0),
    SD_BUS_VTABLE_END,
};

std::unique_ptr<Backend> Backend::create(sd_event* event, Script script) {
  std::unique_ptr<Backend> self(new Backend(script));
  if (const int code = self->connect(event); code < 0) {
    std::fprintf(stderr, "no place on the session bus: %s\n", std::strerror(-code));
    return nullptr;
  }
  say("ready");
  return self;
}

int Backend::connect(sd_event* event) {
  int code = sd_bus_open_user(&bus_);
  if (code >= 0) code = sd_bus_attach_event(bus_, event, SD_EVENT_PRIORITY_NORMAL);
  if (code >= 0) code = sd_bus_set_exit_on_disconnect(bus_, 1);
  if (code >= 0) {
    code = sd_bus_add_object_vtable(bus_, nullptr, kObject,
                                    "org.freedesktop.impl.portal.ScreenCast", kScreenCast, this);
  }
  return code < 0 ? code : sd_bus_request_name(bus_, kName, 0);
}

Backend::~Backend() {
  sd_bus_message_unref(held_);
  sd_bus_slot_unref(held_object_);
  for (auto& [path, asked] : sessions_) sd_bus_slot_unref(asked.object);
  if (bus_ != nullptr) sd_bus_detach_event(bus_);
  sd_bus_flush_close_unref(bus_);
}

int Backend::create_session(sd_bus_message* call) {
  const char* request = nullptr;
  const char* session = nullptr;
  int code = sd_bus_message_read(call, "oo", &request, &session);
  if (code < 0) return code;
  Asked& asked = sessions_[session];
  code = sd_bus_add_object_vtable(bus_, &asked.object, session, kSessionInterface, kSession, this);
  return code < 0 ? code : respond(call, 0);
}

int Backend::select_sources(sd_bus_message* call) {
  const char* request = nullptr;
  const char* session = nullptr;
  const char* application = nullptr;
  Options options;
  int code = sd_bus_message_read(call, "oos", &request, &session, &application);
  if (code >= 0) code = read_options(call, options);
  if (code < 0) return code;
  say("asked types=%u cursor=%u persist=%u restore=%s", options.types, options.cursor_mode,
      options.persist_mode, options.restore_data ? "yes" : "no");
  Asked& asked = sessions_[session];
  asked.source_types = options.types;
  asked.cursor_mode = options.cursor_mode;
  asked.restored = options.restore_data && script_.restore == Restore::kAccept;
  return respond(call, 0);
}

int Backend::start(sd_bus_message* call) {
  const char* request = nullptr;
  const char* session = nullptr;
  const int code = sd_bus_message_read(call, "oo", &request, &session);
  if (code < 0) return code;
  const Asked& asked = sessions_[session];
  if (asked.restored) {
    say("restored");
    return grant(call, asked);
  }
  say("dialog");
  switch (script_.answer) {
    case Answer::kGrant: return grant(call, asked);
    case Answer::kDecline: return respond(call, 1);
    case Answer::kOther: return respond(call, 2);
    case Answer::kNoStream: return respond(call, 0);
    case Answer::kHang: return hold(call, request);
    case Answer::kDie: std::_Exit(0);
  }
  return -EINVAL;
}

int Backend::grant(sd_bus_message* call, const Asked& asked) {
  const std::string token = "grant " + std::to_string(++grants_);
  // The least of the kinds asked for: monitor before window before virtual.
  const std::uint32_t type = asked.source_types & (~asked.source_types + 1);
  return sd_bus_reply_method_return(call, "ua{sv}", 0, 3,  //
                                    "streams", "a(ua{sv})", 1, script_.node, 1, "source_type", "u",
                                    type,                                       //
                                    "persist_mode", "u", kPersistUntilRevoked,  //
                                    "restore_data", "(suv)", kVendor, 1, "s", token.c_str());
}

int Backend::respond(sd_bus_message* call, std::uint32_t response) {
  return sd_bus_reply_method_return(call, "ua{sv}", response, 0);
}

int Backend::hold(sd_bus_message* call, const char* handle) {
  held_ = sd_bus_message_ref(call);
  return sd_bus_add_object_vtable(bus_, &held_object_, handle,
                                  "org.freedesktop.impl.portal.Request", kRequest, this);
}

int Backend::take_away() {
  say("taken away");
  sd_bus_message* const call = std::exchange(held_, nullptr);
  if (call == nullptr) return 0;
  const int code = respond(call, 2);
  sd_bus_message_unref(call);
  return code;
}

int Backend::close_session(const char* path) {
  const auto session = sessions_.find(path);
  if (session == sessions_.end()) return -ENOENT;
  sd_bus_slot_unref(session->second.object);
  sessions_.erase(session);
  say("session closed");
  return 0;
}

int Backend::handle_close_request(sd_bus_message* call, void* self, sd_bus_error*) {
  const int code = static_cast<Backend*>(self)->take_away();
  return code < 0 ? code : sd_bus_reply_method_return(call, "");
}

int Backend::handle_close_session(sd_bus_message* call, void* self, sd_bus_error*) {
  // The reply first: the object goes with its slot.
  int code = sd_bus_reply_method_return(call, "");
  if (code >= 0) {
    code = static_cast<Backend*>(self)->close_session(sd_bus_message_get_path(call));
  }
  return code < 0 ? code : 1;
}

void Backend::close_sessions() {
  for (auto& [path, asked] : sessions_) {
    sd_bus_emit_signal(bus_, path.c_str(), kSessionInterface, "Closed", "");
    sd_bus_slot_unref(asked.object);
  }
  sessions_.clear();
  say("stopped sharing");
}

}  // namespace lumen::portal_backend
