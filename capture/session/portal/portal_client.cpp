#include "capture/session/portal/portal_client.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>

namespace lumen::session::portal {
namespace {

constexpr const char* kService = "org.freedesktop.portal.Desktop";
constexpr const char* kObject = "/org/freedesktop/portal/desktop";
constexpr const char* kScreenCast = "org.freedesktop.portal.ScreenCast";
constexpr const char* kRequest = "org.freedesktop.portal.Request";
constexpr const char* kSession = "org.freedesktop.portal.Session";

constexpr auto kSlow = std::chrono::seconds(1);  // then somebody has to be asked
constexpr auto kAnswerTime =
    std::chrono::seconds(25);  // D-Bus' usual; it includes the portal's start
constexpr auto kUnheardTime = std::chrono::seconds(1);

constexpr std::string_view kInstallPortal =
    "install xdg-desktop-portal and the backend of this desktop (xdg-desktop-portal-kde, -gnome or "
    "-wlr); `systemctl --user status xdg-desktop-portal` says whether it runs";
constexpr std::string_view kInstallBackend =
    "install the backend of this desktop (xdg-desktop-portal-kde, -gnome or -wlr), see that "
    "XDG_CURRENT_DESKTOP names the desktop, then `systemctl --user restart xdg-desktop-portal`";
constexpr std::string_view kRestart = "`systemctl --user restart xdg-desktop-portal`";

// Response codes of org.freedesktop.portal.Request.
enum Response : std::uint32_t { kSuccess = 0, kDeclined = 1 };

// GDBus' answer to Properties.GetAll for an interface that isn't there.
constexpr std::string_view kInvalidArgs = SD_BUS_ERROR_INVALID_ARGS;

tl::unexpected<Error> malformed(const char* member) {
  return fail(ErrorKind::kUnsupported,
              fmt::format("the portal's answer to {} can't be understood", member),
              "is another program's portal on the bus? xdg-desktop-portal 1.14 and newer will do");
}

int append_token(sd_bus_message* message, const std::string& token) {
  return sd_bus_message_append(message, "{sv}", "handle_token", "s", token.c_str());
}

}  // namespace

int for_each_entry(sd_bus_message* message,
                   const std::function<int(const std::string& key, sd_bus_message*)>& entry) {
  int code = sd_bus_message_enter_container(message, 'a', "{sv}");
  if (code < 0) return code;
  while ((code = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
    const char* key = nullptr;
    code = sd_bus_message_read(message, "s", &key);
    if (code < 0) return code;
    code = entry(key, message);
    if (code == 0) code = sd_bus_message_skip(message, "v");
    if (code < 0) return code;
    code = sd_bus_message_exit_container(message);
    if (code < 0) return code;
  }
  return code < 0 ? code : sd_bus_message_exit_container(message);
}

Result<std::unique_ptr<PortalClient>> PortalClient::open(const StopFd& stop) {
  auto bus = SessionBus::open();
  if (!bus) {
    // What names the bus does not change while this process lives.
    if (bus.error().code == ENOMEDIUM) bus.error().kind = ErrorKind::kUnsupported;
    return tl::unexpected(std::move(bus.error()));
  }
  std::unique_ptr<PortalClient> self(new PortalClient(std::move(*bus)));
  auto* client = self.get();
  auto watched = self->bus_->on_owner_change(kService, [client](const std::string& owner) {
    if (client->owner_.empty() || owner == client->owner_ || client->end_) return;
    client->end_ = {End::By::kLoss, "the desktop portal went away"};
  });
  if (!watched) return tl::unexpected(std::move(watched.error()));
  if (auto asked = self->ask_abilities(stop); !asked) {
    return tl::unexpected(std::move(asked.error()));
  }
  return self;
}

Result<BusMessage> PortalClient::call_portal(const BusMethod& method, const Append& append,
                                             const StopFd& stop) {
  auto call = bus_->new_call(method);
  if (!call) return call;
  if (const int code = append(call->get()); code < 0) return bus_failure(method.member, code);
  return bus_->call(stop, std::move(*call), now() + kAnswerTime);
}

Result<void> PortalClient::ask_abilities(const StopFd& stop) {
  auto reply = call_portal(
      {kService, kObject, "org.freedesktop.DBus.Properties", "GetAll"},
      [](sd_bus_message* message) { return sd_bus_message_append(message, "s", kScreenCast); },
      stop);
  if (!reply) {
    const Error& error = reply.error();
    if (error.kind == ErrorKind::kUnsupported || error.domain == kInvalidArgs) {
      return fail(ErrorKind::kUnsupported, "this desktop's portal shares no screens",
                  std::string(kInstallBackend));
    }
    return tl::unexpected(explain(error));
  }
  owner_ = sd_bus_message_get_sender(reply->get());
  own_name_ = sd_bus_message_get_destination(reply->get());
  const int code =
      for_each_entry(reply->get(), [this](const std::string& key, sd_bus_message* message) {
        std::uint32_t* to = key == "version"                ? &abilities_.version
                            : key == "AvailableSourceTypes" ? &abilities_.source_types
                            : key == "AvailableCursorModes" ? &abilities_.cursor_modes
                                                            : nullptr;
        return to == nullptr ? 0 : sd_bus_message_read(message, "v", "u", to);
      });
  if (code < 0) return malformed("properties");
  if (abilities_.source_types == 0) {
    return fail(ErrorKind::kNotFound, "the portal's backend, which would share the screen, is away",
                std::string(kInstallBackend));
  }
  return {};
}

Result<BusMessage> PortalClient::request(const char* member, const Arguments& arguments,
                                         const StopFd& stop) {
  // The path follows from our name and the token, so that the answer can't come before it is
  // listened to (Request's documentation, since 0.9).
  const std::string token = unique_token();
  std::string sender = own_name_.substr(1);
  std::ranges::replace(sender, '.', '_');
  const std::string path = fmt::format("{}/request/{}/{}", kObject, sender, token);
  const auto response = std::make_shared<BusMessage>();
  auto listens = bus_->on_signal(
      {owner_.c_str(), path.c_str(), kRequest, "Response"},
      [response](sd_bus_message* message) { response->reset(sd_bus_message_ref(message)); });
  if (!listens) return tl::unexpected(std::move(listens.error()));

  auto reply = call(
      member,
      [&](sd_bus_message* message) {
        int code = arguments.before ? arguments.before(message) : 0;
        if (code >= 0) code = sd_bus_message_open_container(message, 'a', "{sv}");
        if (code >= 0) code = append_token(message, token);
        if (code >= 0 && arguments.options) code = arguments.options(message);
        return code < 0 ? code : sd_bus_message_close_container(message);
      },
      stop);
  const char* handle = nullptr;
  if (reply && (sd_bus_message_read(reply->get(), "o", &handle) < 0 || path != handle)) {
    return malformed(member);
  }
  if (auto answered = await_answer(reply, arguments, *response, stop); !answered) {
    if (answered.error().kind == ErrorKind::kCancelled && !end_) {
      tell(path.c_str(), kRequest, "Close");
    }
    return tl::unexpected(std::move(answered.error()));
  }
  std::uint32_t code = 0;
  if (sd_bus_message_read(response->get(), "u", &code) < 0) return malformed(member);
  if (code == kDeclined) {
    return fail(ErrorKind::kCancelled, "sharing the screen was declined",
                "start lumen again and allow it in the desktop's dialog");
  }
  if (code != kSuccess) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("the portal's {} ended without an answer (response {})", member, code),
                "its backend may have failed: `journalctl --user -u 'xdg-desktop-portal*'`");
  }
  return std::move(*response);
}

Result<void> PortalClient::await_answer(const Result<BusMessage>& called,
                                        const Arguments& arguments, const BusMessage& response,
                                        const StopFd& stop) {
  if (!called) return tl::unexpected(called.error());
  const auto over = [&] { return response != nullptr || end_; };
  auto done = bus_->process_until(stop, arguments.slow ? now() + kSlow : kNoTimestamp, over);
  if (!done && done.error().kind == ErrorKind::kRetry) {
    arguments.slow();
    done = bus_->process_until(stop, kNoTimestamp, over);
  }
  if (!done || response != nullptr) return done;
  // Who declines says so in the response; a desktop that ends takes its dialog along.
  const bool by_desktop = end_->by == End::By::kDesktop;
  return fail(ErrorKind::kDeviceLost,
              by_desktop ? "the desktop took its dialog away" : end_->reason,
              std::string(kRestart));
}

Result<BusMessage> PortalClient::call(const char* member, const Append& append,
                                      const StopFd& stop) {
  auto reply = call_portal({owner_.c_str(), kObject, kScreenCast, member}, append, stop);
  if (!reply) return tl::unexpected(explain(std::move(reply.error())));
  return reply;
}

void PortalClient::tell(const char* path, const char* interface, const char* member) {
  const auto nothing = StopFd::create({});
  auto call = bus_->new_call({owner_.c_str(), path, interface, member});
  // Of a failure nobody is left to hear: the bus or the portal is gone, and with it what was to be
  // told.
  if (nothing && call) {
    static_cast<void>(bus_->call(**nothing, std::move(*call), now() + kUnheardTime));
  }
}

Error PortalClient::explain(Error error) const {
  const bool cant_start = error.domain.starts_with("org.freedesktop.DBus.Error.Spawn.") ||
                          error.domain.starts_with("org.freedesktop.systemd1.");
  if (end_) {
    error = {.kind = ErrorKind::kDeviceLost, .message = end_->reason};
    error.hint = kRestart;
  } else if (error.kind == ErrorKind::kNotFound || cant_start) {
    // Where one is installed the bus starts it.
    error.kind = ErrorKind::kUnsupported;
    error.message = "no desktop portal runs on the session bus";
    error.hint = kInstallPortal;
  } else if (error.kind == ErrorKind::kRetry) {
    error.kind = ErrorKind::kDeviceLost;
    error.message = "the desktop portal does not answer";
    error.hint = kRestart;
  } else if (error.kind == ErrorKind::kIo) {
    const bool invalid = error.domain == "org.freedesktop.portal.Error.InvalidArgument";
    error.kind = invalid ? ErrorKind::kInvalidArgument : ErrorKind::kUnsupported;
    error.message = "the desktop portal refuses: " + error.message;
  }
  return error;
}

Result<void> PortalClient::follow_session(const std::string& session) {
  return bus_->on_signal({owner_.c_str(), session.c_str(), kSession, "Closed"},
                         [this](sd_bus_message*) {
                           if (end_) return;
                           end_ = {End::By::kDesktop, "the desktop ended the screen cast"};
                         });
}

void PortalClient::close_session(const std::string& session) {
  tell(session.c_str(), kSession, "Close");
}

std::optional<End> PortalClient::wait_for_end(const StopFd& stop, Timestamp deadline) {
  const auto done = bus_->process_until(stop, deadline, [this] { return end_.has_value(); });
  if (done) return end_;
  const ErrorKind kind = done.error().kind;
  if (kind == ErrorKind::kCancelled || kind == ErrorKind::kRetry) return std::nullopt;
  return End{End::By::kLoss, done.error().message};
}

std::string PortalClient::unique_token() {
  static std::atomic<unsigned> count{0};
  return fmt::format("lumen{}_{}", ::getpid(), count.fetch_add(1));
}

}  // namespace lumen::session::portal
