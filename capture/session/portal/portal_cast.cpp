#include "capture/session/portal/portal_cast.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "capture/session/portal/portal_client.h"
#include "capture/session/portal/restore_token.h"
#include "core/log.h"

namespace lumen::session {
namespace {

// Values of ScreenCast's cursor_mode and persist_mode, and the versions that brought them.
constexpr std::uint32_t kHidden = 1;
constexpr std::uint32_t kEmbedded = 2;
constexpr std::uint32_t kMetadata = 4;
constexpr std::uint32_t kPersistUntilRevoked = 2;
constexpr std::uint32_t kPersistSince = 4;

// A desktop closes its casts also when its compositor goes, shortly before or after.
// Between a node's end and the message that says why.
constexpr auto kLateNews = std::chrono::milliseconds(250);
constexpr auto kCompositorsEnd = std::chrono::seconds(1);

struct TypeName {
  PortalSourceType type;
  std::string_view name;
};
constexpr std::array<TypeName, 3> kTypes = {{{PortalSourceType::kMonitor, "monitor"},
                                             {PortalSourceType::kWindow, "window"},
                                             {PortalSourceType::kVirtual, "virtual"}}};

constexpr std::uint32_t bit_of(PortalSourceType type) { return static_cast<std::uint32_t>(type); }
constexpr std::uint32_t kAllTypes = bit_of(PortalSourceType::kMonitor) |
                                    bit_of(PortalSourceType::kWindow) |
                                    bit_of(PortalSourceType::kVirtual);

std::string names_of(std::uint32_t types) {
  std::string names;
  for (const auto& [type, name] : kTypes) {
    if ((types & bit_of(type)) == 0) continue;
    names += names.empty() ? "" : ", ";
    names += name;
  }
  return names;
}

std::string name_of(const PortalSettings& settings) {
  return settings.type ? names_of(bit_of(*settings.type)) : "any";
}

/// One of the streams that Start gives.
struct Stream {
  std::uint32_t node = 0;
  std::uint64_t serial = 0;       // 0: not told, before version 6
  std::uint32_t source_type = 0;  // 0: not told, before version 3
  Extent size;
};

struct Started {
  std::optional<Stream> stream;  // the first
  std::string token;             // empty: there will be a dialog next time
};

int read_stream(sd_bus_message* message, Stream& stream) {
  const int code = sd_bus_message_read(message, "u", &stream.node);
  if (code < 0) return code;
  return portal::for_each_entry(message, [&](const std::string& key, sd_bus_message* entry) {
    if (key == "source_type") return sd_bus_message_read(entry, "v", "u", &stream.source_type);
    if (key == "pipewire-serial") return sd_bus_message_read(entry, "v", "t", &stream.serial);
    if (key != "size") return 0;
    std::int32_t width = 0;
    std::int32_t height = 0;
    const int read = sd_bus_message_read(entry, "v", "(ii)", &width, &height);
    stream.size = {static_cast<std::uint32_t>(std::max(width, 0)),
                   static_cast<std::uint32_t>(std::max(height, 0))};
    return read;
  });
}

int read_streams(sd_bus_message* message, std::optional<Stream>& first) {
  int code = sd_bus_message_enter_container(message, 'v', "a(ua{sv})");
  if (code >= 0) code = sd_bus_message_enter_container(message, 'a', "(ua{sv})");
  if (code < 0) return code;
  while ((code = sd_bus_message_enter_container(message, 'r', "ua{sv}")) > 0) {
    Stream stream;
    code = read_stream(message, stream);
    if (code >= 0) code = sd_bus_message_exit_container(message);
    if (code < 0) return code;
    if (!first) first = stream;
  }
  if (code >= 0) code = sd_bus_message_exit_container(message);
  if (code >= 0) code = sd_bus_message_exit_container(message);
  return code < 0 ? code : 1;
}

int read_text(sd_bus_message* message, std::string& to) {
  const char* text = nullptr;
  const int code = sd_bus_message_read(message, "v", "s", &text);
  if (code >= 0) to = text;
  return code;
}

Result<Started> read_started(sd_bus_message* message) {
  Started started;
  const int code =
      portal::for_each_entry(message, [&](const std::string& key, sd_bus_message* entry) {
        if (key == "streams") return read_streams(entry, started.stream);
        if (key == "restore_token") return read_text(entry, started.token);
        return 0;
      });
  if (code < 0) {
    return fail_errno(ErrorKind::kUnsupported, "the portal's answer to Start can't be read", -code);
  }
  return started;
}

/// How the picture is asked for.
struct Selection {
  std::uint32_t types = 0;
  std::uint32_t cursor_mode = 0;  // 0: the portal has none to choose from
  bool persist = false;
  std::optional<std::string> token;
};

int append_selection(sd_bus_message* message, const Selection& selection) {
  int code =
      sd_bus_message_append(message, "{sv}{sv}", "types", "u", selection.types, "multiple", "b", 0);
  if (code >= 0 && selection.cursor_mode != 0) {
    code = sd_bus_message_append(message, "{sv}", "cursor_mode", "u", selection.cursor_mode);
  }
  if (code >= 0 && selection.persist) {
    code = sd_bus_message_append(message, "{sv}", "persist_mode", "u", kPersistUntilRevoked);
  }
  if (code >= 0 && selection.token) {
    code = sd_bus_message_append(message, "{sv}", "restore_token", "s", selection.token->c_str());
  }
  return code;
}

std::uint32_t bit_of(CursorMode wanted, std::uint32_t available) {
  switch (wanted) {
    case CursorMode::kAuto:
      return (available & (kEmbedded | kMetadata)) == kMetadata ? kMetadata : kEmbedded;
    case CursorMode::kMetadata: return kMetadata;
    case CursorMode::kHidden: return kHidden;
    case CursorMode::kEmbedded: break;
  }
  return kEmbedded;
}

Result<std::uint32_t> choose_cursor_mode(CursorMode wanted, std::uint32_t available) {
  const std::uint32_t bit = bit_of(wanted, available);
  // Before the property came (version 2), and where it says hidden, there is nothing to choose.
  if (available == 0 || (available & bit) != 0) return available & bit;
  if (wanted == CursorMode::kMetadata) {
    return fail(ErrorKind::kUnsupported, "this desktop's portal tells nothing of the cursor",
                "--cursor auto has it in the picture");
  }
  log::area("capture").warn("this desktop's portal can't {} the cursor",
                            wanted == CursorMode::kHidden ? "hide" : "draw");
  return 0U;
}

}  // namespace

/// One session object of the portal's, from CreateSession to Close.
class PortalCast::Session {
 public:
  static Result<std::unique_ptr<Session>> create(const StopFd& stop);
  Session(const Session&) = delete;
  ~Session() { client_->close_session(path_); }

  /// `waits`: called where the user is asked.
  Result<CastGrant> start(const PortalSettings& settings, const std::function<void()>& waits,
                          const StopFd& stop);
  /// See PortalClient.
  std::optional<portal::End> wait_for_end(const StopFd& stop, Timestamp deadline = kNoTimestamp) {
    return client_->wait_for_end(stop, deadline);
  }

 private:
  explicit Session(std::unique_ptr<portal::PortalClient> client) : client_(std::move(client)) {}
  Result<void> select(Selection selection, const portal::RestoreToken& tokens, const StopFd& stop);
  Result<void> select_once(const Selection& selection, const StopFd& stop);
  Result<UniqueFd> open_remote(const StopFd& stop);
  int append_path(sd_bus_message* message) const {
    return sd_bus_message_append(message, "o", path_.c_str());
  }

  std::unique_ptr<portal::PortalClient> client_;
  std::string path_;
};

Result<std::unique_ptr<PortalCast::Session>> PortalCast::Session::create(const StopFd& stop) {
  auto client = portal::PortalClient::open(stop);
  if (!client) return tl::unexpected(std::move(client.error()));
  const std::string token = portal::PortalClient::unique_token();
  auto response =
      (*client)->request("CreateSession",
                         {.before = {},
                          .options =
                              [&](sd_bus_message* message) {
                                return sd_bus_message_append(
                                    message, "{sv}", "session_handle_token", "s", token.c_str());
                              }},
                         stop);
  if (!response) return tl::unexpected(std::move(response.error()));
  std::string path;
  // A string, not an object path: a mistake that stayed (ScreenCast's documentation).
  const int code =
      portal::for_each_entry(response->get(), [&](const std::string& key, sd_bus_message* entry) {
        return key == "session_handle" ? read_text(entry, path) : 0;
      });
  if (code < 0 || sd_bus_object_path_is_valid(path.c_str()) == 0) {
    return fail(ErrorKind::kUnsupported, "the portal names no session");
  }
  std::unique_ptr<Session> self(new Session(std::move(*client)));
  self->path_ = std::move(path);
  if (auto followed = self->client_->follow_session(self->path_); !followed) {
    return tl::unexpected(std::move(followed.error()));
  }
  return self;
}

Result<CastGrant> PortalCast::Session::start(const PortalSettings& settings,
                                             const std::function<void()>& waits,
                                             const StopFd& stop) {
  const portal::Abilities& able = client_->abilities();
  const auto cursor_mode = choose_cursor_mode(settings.cursor, able.cursor_modes);
  if (!cursor_mode) return tl::unexpected(cursor_mode.error());
  const std::uint32_t wanted = settings.type ? bit_of(*settings.type) : kAllTypes;
  Selection selection{.types = wanted & able.source_types,
                      .cursor_mode = *cursor_mode,
                      .persist = able.version >= kPersistSince,
                      .token = {}};
  if (selection.types == 0) {
    return fail(ErrorKind::kUnsupported,
                fmt::format("this desktop's portal shares no {}", names_of(wanted)),
                fmt::format("it has: {}", names_of(able.source_types)));
  }
  const portal::RestoreToken tokens(name_of(settings), settings.host);
  if (selection.persist) selection.token = tokens.load();
  if (auto selected = select(selection, tokens, stop); !selected) {
    return tl::unexpected(std::move(selected.error()));
  }
  auto response = client_->request(
      "Start",
      {.before =
           [this](sd_bus_message* message) {
             const int code = append_path(message);
             return code < 0 ? code : sd_bus_message_append(message, "s", "");  // no parent window
           },
       .options = {},
       .slow = waits},
      stop);
  if (!response) return tl::unexpected(std::move(response.error()));
  auto started = read_started(response->get());
  if (!started) return tl::unexpected(std::move(started.error()));
  // The token that was passed is used up, also where no new one came.
  if (selection.persist) tokens.store(started->token);
  if (!started->stream) {
    return fail(ErrorKind::kUnsupported, "the portal allowed it and gave no stream",
                "its backend may have failed: `journalctl --user -u 'xdg-desktop-portal*'`");
  }
  auto remote = open_remote(stop);
  if (!remote) return tl::unexpected(std::move(remote.error()));

  const Stream& stream = *started->stream;
  CastGrant grant;
  if (stream.serial != 0) {
    grant.node = pipewire::NodeSerial{stream.serial};
  } else {
    grant.node = pipewire::NodeId{stream.node};
  }
  grant.remote = std::move(*remote);
  grant.cursor_beside = *cursor_mode == kMetadata;
  grant.size = stream.size;
  const std::string type = names_of(stream.source_type);
  grant.description = type.empty() ? "desktop portal" : fmt::format("desktop portal ({})", type);
  return grant;
}

// A token that isn't even one (a file that somebody wrote to) is an error to some portals, where
// others ask again.
Result<void> PortalCast::Session::select(Selection selection, const portal::RestoreToken& tokens,
                                         const StopFd& stop) {
  auto selected = select_once(selection, stop);
  if (selected || !selection.token || selected.error().kind != ErrorKind::kInvalidArgument) {
    return selected;
  }
  log::area("capture").info("the portal doesn't know what was shared last time; it asks again");
  tokens.store("");
  selection.token.reset();
  return select_once(selection, stop);
}

Result<void> PortalCast::Session::select_once(const Selection& selection, const StopFd& stop) {
  auto response = client_->request(
      "SelectSources",
      {.before = [this](sd_bus_message* message) { return append_path(message); },
       .options = [&](sd_bus_message* message) { return append_selection(message, selection); }},
      stop);
  if (!response) return tl::unexpected(std::move(response.error()));
  return {};
}

Result<UniqueFd> PortalCast::Session::open_remote(const StopFd& stop) {
  auto reply = client_->call(
      "OpenPipeWireRemote",
      [this](sd_bus_message* message) {
        const int code = append_path(message);
        return code < 0 ? code : sd_bus_message_append(message, "a{sv}", 0);
      },
      stop);
  if (!reply) return tl::unexpected(std::move(reply.error()));
  int remote = -1;  // the message's
  if (const int code = sd_bus_message_read(reply->get(), "h", &remote); code < 0) {
    return fail_errno(ErrorKind::kUnsupported, "the portal gives no connection to PipeWire", -code);
  }
  return duplicate(remote);
}

PortalCast::PortalCast(PortalSettings settings) : settings_(std::move(settings)) {}

PortalCast::~PortalCast() { end(); }

Result<CastGrant> PortalCast::open(std::stop_token stop, Ended ended) {
  end();
  if (ended_by_desktop_) {
    return fail(ErrorKind::kCancelled, "the desktop ended the screen cast",
                "start lumen again to be asked again");
  }
  wanted_ = std::move(stop);
  const auto stop_fd = StopFd::create(wanted_);
  if (!stop_fd) return tl::unexpected(stop_fd.error());
  auto session = Session::create(**stop_fd);
  if (!session) return tl::unexpected(std::move(session.error()));
  const auto waits = [this] { tell_waiting("the desktop asks what to share, answer there"); };
  auto grant = (*session)->start(settings_, waits, **stop_fd);
  if (!grant) return grant;
  session_ = std::move(*session);
  compositor_ = CompositorWatch::begin();
  {
    const std::scoped_lock lock(description_mutex_);
    description_ = grant->description;
  }
  watcher_ = std::jthread([this, tell = std::move(ended)](const std::stop_token& watch_stop) {
    watch(watch_stop, tell);
  });
  return grant;
}

void PortalCast::watch(const std::stop_token& stop, const Ended& ended) {
  const auto stop_fd = StopFd::create(stop);
  if (!stop_fd) return ended(stop_fd.error().message);
  // The node goes as well, before or after this is told, and whoever streams it then ends this
  // cast: that must not cut short what tells the compositor's end from the user's wish.
  const auto patient = StopFd::create({});
  if (!patient) return ended(patient.error().message);
  auto end = session_->wait_for_end(**stop_fd);
  if (!end && !wanted_.stop_requested()) end = session_->wait_for_end(**patient, now() + kLateNews);
  if (!end) return;
  if (end->by == portal::End::By::kDesktop) {
    if (compositor_ && compositor_->goes(**patient, kCompositorsEnd)) {
      return ended("the compositor went away");
    }
    portal::RestoreToken(name_of(settings_), settings_.host).store("");
    ended_by_desktop_ = true;
  }
  ended(end->reason);
}

void PortalCast::end() {
  if (watcher_.joinable()) {
    watcher_.request_stop();
    watcher_.join();
  }
  session_.reset();
  compositor_.reset();
}

std::string PortalCast::describe() const {
  const std::scoped_lock lock(description_mutex_);
  return description_;
}

}  // namespace lumen::session
