// The session's D-Bus, by sd-bus: calls and signals that a request to stop interrupts.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <systemd/sd-bus.h>

#include "core/error.h"
#include "core/time.h"
#include "platform/linux/stop_fd.h"

namespace lumen::session {

struct BusMessageDeleter {
  void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using BusMessage = std::unique_ptr<sd_bus_message, BusMessageDeleter>;

/// Where a method is.
struct BusMethod {
  const char* service;
  const char* path;
  const char* interface;
  const char* member;
};

/// One connection; one thread at a time. What a peer gave to this connection ends with it.
class SessionBus {
 public:
  using Handler = std::function<void(sd_bus_message*)>;

  /// kNotFound where this session has no bus.
  static Result<std::unique_ptr<SessionBus>> open();
  SessionBus(const SessionBus&) = delete;
  ~SessionBus();

  /// A call without its arguments.
  Result<BusMessage> new_call(const BusMethod& method);
  /// Sends it and waits for the reply, handling signals meanwhile. kNotFound: nobody owns the
  /// service's name; kUnsupported: it has no such method; kRetry: no reply by the deadline;
  /// kCancelled: stopped; kDeviceLost: the bus went away; kIo: whatever else the service says, with
  /// the D-Bus error's name as its domain.
  Result<BusMessage> call(const StopFd& stop, BusMessage request, Timestamp deadline);

  /// Sends a call whose reply nobody waits for.
  void send(BusMessage request);

  /// From now on, until the end of the connection. Several parts may be null, which matches all.
  Result<void> on_signal(const BusMethod& signal, Handler handler);
  /// Called with the name's new owner, "" for none.
  Result<void> on_owner_change(const std::string& name, std::function<void(std::string)> handler);

  /// Handles messages until `done`, which is asked after each. kRetry at the deadline
  /// (kNoTimestamp: none), kCancelled when stopped, kDeviceLost: the bus went away.
  Result<void> process_until(const StopFd& stop, Timestamp deadline,
                             const std::function<bool()>& done);

 private:
  explicit SessionBus(sd_bus* bus) : bus_(bus) {}

  sd_bus* bus_;
  std::vector<std::unique_ptr<Handler>> handlers_;  // sd-bus holds pointers to them
};

/// A negative errno of an sd-bus function.
tl::unexpected<Error> bus_failure(std::string_view what, int code);

}  // namespace lumen::session
