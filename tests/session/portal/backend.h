// The desktop's half of the portal (org.freedesktop.impl.portal.ScreenCast), with a script in place
// of a user. What happens is printed, a line each. One thread: the event loop's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

namespace lumen::portal_backend {

/// What the user does with the dialog.
enum class Answer {
  kGrant,
  kDecline,
  kOther,     // response 2: neither allowed nor declined
  kHang,      // leaves it open until it is taken away
  kNoStream,  // allowed, and nothing comes
  kDie,       // the backend ends with the dialog open
};
/// What becomes of what a restore token stands for.
enum class Restore { kAccept, kRefuse };

struct Script {
  std::uint32_t node = 0;  // PipeWire's id of what is shared
  Answer answer = Answer::kGrant;
  Restore restore = Restore::kAccept;
  std::uint32_t source_types = 7;
  std::uint32_t cursor_modes = 3;
};

class Backend {
 public:
  /// Null, after saying why, where the bus can't be had.
  static std::unique_ptr<Backend> create(sd_event* event, Script script);
  Backend(const Backend&) = delete;
  ~Backend();

  /// What the user does who clicks on "stop sharing".
  void close_sessions();

 private:
  struct Asked {
    std::uint32_t source_types = 0;
    std::uint32_t cursor_mode = 0;
    bool restored = false;
    sd_bus_slot* object = nullptr;
  };

  explicit Backend(Script script) : script_(script) {}
  int connect(sd_event* event);
  int create_session(sd_bus_message* call);
  int select_sources(sd_bus_message* call);
  int start(sd_bus_message* call);
  int grant(sd_bus_message* call, const Asked& asked);
  int respond(sd_bus_message* call, std::uint32_t response);
  int hold(sd_bus_message* call, const char* handle);
  int take_away();
  int close_session(const char* path);

  template <int (Backend::*kHandler)(sd_bus_message*)>
  static int handle(sd_bus_message* call, void* self, sd_bus_error*);
  static int handle_close_request(sd_bus_message* call, void* self, sd_bus_error*);
  static int handle_close_session(sd_bus_message* call, void* self, sd_bus_error*);
  static int tell_property(sd_bus*, const char*, const char*, const char* name, sd_bus_message* to,
                           void* self, sd_bus_error*);

  static const sd_bus_vtable kScreenCast[];
  static const sd_bus_vtable kRequest[];
  static const sd_bus_vtable kSession[];

  Script script_;
  sd_bus* bus_ = nullptr;
  std::map<std::string, Asked> sessions_;
  sd_bus_message* held_ = nullptr;  // the call whose dialog is open
  sd_bus_slot* held_object_ = nullptr;
  unsigned grants_ = 0;
};

}  // namespace lumen::portal_backend
