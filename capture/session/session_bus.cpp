#include "capture/session/session_bus.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace lumen::session {
namespace {

// sd-bus ends a call that nobody answered by itself; the caller's deadline is what counts here.
constexpr std::uint64_t kCallMicroseconds = 300'000'000;

bool is_any_of(const sd_bus_error* error, std::initializer_list<const char*> names) {
  return std::ranges::any_of(
      names, [error](const char* name) { return sd_bus_error_has_name(error, name) != 0; });
}

tl::unexpected<Error> error_of(const BusMethod& method, const sd_bus_error* error) {
  ErrorKind kind = ErrorKind::kIo;
  if (is_any_of(error, {SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER})) {
    kind = ErrorKind::kNotFound;
  } else if (is_any_of(error, {SD_BUS_ERROR_UNKNOWN_METHOD, SD_BUS_ERROR_UNKNOWN_INTERFACE,
                               SD_BUS_ERROR_UNKNOWN_OBJECT})) {
    kind = ErrorKind::kUnsupported;
  } else if (is_any_of(error, {SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT})) {
    kind = ErrorKind::kRetry;
  }
  auto failure = fail(kind, fmt::format("{}: {}", method.member,
                                        error->message == nullptr ? error->name : error->message));
  if (kind == ErrorKind::kIo) failure.value().domain = error->name;
  return failure;
}

int call_handler(sd_bus_message* message, void* data, sd_bus_error*) {
  (*static_cast<SessionBus::Handler*>(data))(message);
  return 0;
}

}  // namespace

tl::unexpected<Error> bus_failure(std::string_view what, int code) {
  return fail_errno(
      code == -ENOTCONN || code == -ECONNRESET ? ErrorKind::kDeviceLost : ErrorKind::kIo, what,
      -code);
}

Result<std::unique_ptr<SessionBus>> SessionBus::open() {
  sd_bus* bus = nullptr;
  if (const int code = sd_bus_open_user(&bus); code < 0) {
    return fail_errno(ErrorKind::kNotFound, "this session has no D-Bus", -code,
                      "DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR must name the session's");
  }
  return std::unique_ptr<SessionBus>(new SessionBus(bus));
}

SessionBus::~SessionBus() { sd_bus_flush_close_unref(bus_); }

Result<BusMessage> SessionBus::new_call(const BusMethod& method) {
  sd_bus_message* message = nullptr;
  const int code = sd_bus_message_new_method_call(bus_, &message, method.service, method.path,
                                                  method.interface, method.member);
  if (code < 0) return bus_failure(method.member, code);
  return BusMessage(message);
}

Result<BusMessage> SessionBus::call(const StopFd& stop, BusMessage request, Timestamp deadline) {
  struct Reply {
    BusMessage message;
  } reply;
  const auto take = [](sd_bus_message* message, void* data, sd_bus_error*) {
    static_cast<Reply*>(data)->message.reset(sd_bus_message_ref(message));
    return 0;
  };
  sd_bus_slot* slot = nullptr;
  const int code = sd_bus_call_async(bus_, &slot, request.get(), take, &reply, kCallMicroseconds);
  // Not before: until the message is sealed its header may move, and these with it.
  const BusMethod method = {
      sd_bus_message_get_destination(request.get()), sd_bus_message_get_path(request.get()),
      sd_bus_message_get_interface(request.get()), sd_bus_message_get_member(request.get())};
  if (code < 0) return bus_failure(method.member, code);
  auto answered = process_until(stop, deadline, [&] { return reply.message != nullptr; });
  sd_bus_slot_unref(slot);
  if (!answered) return with_context(method.member, std::move(answered.error()));
  if (sd_bus_message_is_method_error(reply.message.get(), nullptr) != 0) {
    return error_of(method, sd_bus_message_get_error(reply.message.get()));
  }
  return std::move(reply.message);
}

void SessionBus::send(BusMessage request) {
  sd_bus_message_set_expect_reply(request.get(), 0);
  // Where this fails the bus is gone, and the peer has noticed.
  (void)sd_bus_send(bus_, request.get(), nullptr);
}

Result<void> SessionBus::on_signal(const BusMethod& signal, Handler handler) {
  auto& kept = *handlers_.emplace_back(std::make_unique<Handler>(std::move(handler)));
  const int code =
      sd_bus_match_signal_async(bus_, nullptr, signal.service, signal.path, signal.interface,
                                signal.member, call_handler, nullptr, &kept);
  if (code < 0) return bus_failure(signal.member, code);
  return {};
}

Result<void> SessionBus::on_owner_change(const std::string& name,
                                         std::function<void(std::string)> handler) {
  auto& kept = *handlers_.emplace_back(
      std::make_unique<Handler>([handler = std::move(handler)](sd_bus_message* message) {
        const char* changed = nullptr;
        const char* before = nullptr;
        const char* after = nullptr;
        if (sd_bus_message_read(message, "sss", &changed, &before, &after) >= 0) handler(after);
      }));
  const std::string rule = fmt::format(
      "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
      "member='NameOwnerChanged',arg0='{}'",
      name);
  const int code =
      sd_bus_add_match_async(bus_, nullptr, rule.c_str(), call_handler, nullptr, &kept);
  if (code < 0) return bus_failure(name, code);
  return {};
}

Result<void> SessionBus::process_until(const StopFd& stop, Timestamp deadline,
                                       const std::function<bool()>& done) {
  for (;;) {
    const int handled = sd_bus_process(bus_, nullptr);
    if (handled < 0) {
      return fail_errno(ErrorKind::kDeviceLost, "the session's D-Bus went away", -handled);
    }
    if (done()) return {};
    if (handled > 0) continue;
    const int events = sd_bus_get_events(bus_);
    if (events < 0) {
      return fail_errno(ErrorKind::kDeviceLost, "the session's D-Bus went away", -events);
    }
    switch (stop.wait(sd_bus_get_fd(bus_), static_cast<short>(events), deadline)) {
      case Readiness::kStopped: return fail(ErrorKind::kCancelled, "stopped");
      case Readiness::kTimeout: return fail(ErrorKind::kRetry, "no answer on the session's D-Bus");
      case Readiness::kReadable: break;
    }
  }
}

}  // namespace lumen::session
