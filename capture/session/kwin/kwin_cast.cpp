#include "capture/session/kwin/kwin_cast.h"

#include <wayland-client.h>
#include <zkde-screencast-unstable-v1.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "core/log.h"

namespace lumen::kwin {
namespace {

using namespace std::chrono_literals;
using session::CastGrant;

constexpr auto kAnswerTime = 10s;
// KWin announces a window before it can stream it, and tells nothing when it can.
constexpr auto kWindowRetry = 50ms;
constexpr auto kWindowPatience = 3s;
// KWin calls the output Virtual-lumen, and keeps what the user sets up for it under that name.
constexpr std::string_view kVirtualName = "lumen";
constexpr unsigned kMostVirtual = 64;

std::uint32_t pointer_of(session::CursorMode cursor) {
  switch (cursor) {
    case session::CursorMode::kHidden: return ZKDE_SCREENCAST_UNSTABLE_V1_POINTER_HIDDEN;
    case session::CursorMode::kMetadata: return ZKDE_SCREENCAST_UNSTABLE_V1_POINTER_METADATA;
    case session::CursorMode::kAuto:
    case session::CursorMode::kEmbedded: break;
  }
  return ZKDE_SCREENCAST_UNSTABLE_V1_POINTER_EMBEDDED;
}

}  // namespace

KwinCast::KwinCast(KwinCastSettings settings) : settings_(std::move(settings)) {}

std::string KwinCast::describe() const {
  struct Text {
    std::string operator()(const session::FirstOutput&) const { return "KWin's first output"; }
    std::string operator()(const session::NamedOutput& output) const {
      return "KWin output " + output.name;
    }
    std::string operator()(const session::TitledWindow& window) const {
      return fmt::format("KWin window \"{}\"", window.title);
    }
    std::string operator()(const session::VirtualOutput& output) const {
      return fmt::format("KWin virtual output {}x{}", output.size.width, output.size.height);
    }
  };
  return std::visit(Text{}, settings_.target);
}

Result<CastGrant> KwinCast::open(std::stop_token stop, Ended ended) {
  end();
  auto stop_fd = StopFd::create(std::move(stop));
  if (!stop_fd) return tl::unexpected(std::move(stop_fd.error()));
  auto connection = Connection::open(**stop_fd);
  if (!connection) return tl::unexpected(std::move(connection.error()));
  connection_ = std::move(*connection);
  auto grant =
      connection_->screencast() == nullptr ? tl::unexpected(not_allowed()) : ask(**stop_fd);
  if (!grant) {
    end();
    return grant;
  }
  watcher_ = std::jthread([this, ended = std::move(ended)](const std::stop_token& watch_stop) {
    watch(watch_stop, ended);
  });
  return grant;
}

void KwinCast::end() {
  if (watcher_.joinable()) {
    watcher_.request_stop();
    watcher_.join();
  }
  stream_.reset();
  connection_.reset();
  answer_ = {};
}

void KwinCast::watch(const std::stop_token& stop, const Ended& ended) {
  const auto stop_fd = StopFd::create(stop);
  if (!stop_fd) return ended(stop_fd.error().message);
  const auto done =
      connection_->dispatch_until(**stop_fd, kNoTimestamp, [this] { return answer_.closed; });
  if (stop.stop_requested()) return;
  ended(done ? fmt::format("KWin ended the cast of {}", describe()) : done.error().message);
}

Result<CastGrant> KwinCast::ask(const StopFd& stop) {
  struct Ask {
    KwinCast& self;
    const StopFd& stop;
    Result<CastGrant> operator()(const session::FirstOutput&) const {
      return self.ask_for_output(stop, std::nullopt);
    }
    Result<CastGrant> operator()(const session::NamedOutput& output) const {
      return self.ask_for_output(stop, output.name);
    }
    Result<CastGrant> operator()(const session::TitledWindow& window) const {
      return self.ask_for_window(stop, window.title);
    }
    Result<CastGrant> operator()(const session::VirtualOutput& output) const {
      return self.ask_for_virtual(stop, output);
    }
  };
  return std::visit(Ask{*this, stop}, settings_.target);
}

Result<CastGrant> KwinCast::ask_for_output(const StopFd& stop,
                                           const std::optional<std::string>& name) {
  const auto outputs = connection_->outputs().all();
  if (outputs.empty()) return fail(ErrorKind::kNotFound, "KWin has no output now");
  wl_output* output = connection_->outputs().find(name);
  if (output == nullptr) {
    return session::no_such_output(fmt::format("KWin has no output {}", *name), outputs,
                                   settings_.absent);
  }
  auto grant =
      answer_to(stop, zkde_screencast_unstable_v1_stream_output(connection_->screencast(), output,
                                                                pointer_of(settings_.cursor)));
  if (!grant) return with_context("KWin refuses to cast its output", std::move(grant.error()));
  const session::OutputInfo info = connection_->outputs().info_of(output);
  grant->size = info.size;
  grant->description = "KWin output " + info.name;
  return grant;
}

Result<WindowInfo> KwinCast::await_window(const StopFd& stop, const std::string& title) {
  auto window = connection_->windows().find(title);
  if (!window) {
    tell_waiting(fmt::format("KWin has no window titled \"{}\"", title));
    const auto came = connection_->dispatch_until(stop, kNoTimestamp, [&] {
      return (window = connection_->windows().find(title)).has_value();
    });
    if (!came) return tl::unexpected(came.error());
  }
  return *window;
}

Result<CastGrant> KwinCast::ask_for_window(const StopFd& stop, const std::string& title) {
  if (!connection_->windows().bound()) {
    Error error = not_allowed();
    error.message = "KWin doesn't tell lumen-host of its windows";
    return tl::unexpected(std::move(error));
  }
  const auto window = await_window(stop, title);
  if (!window) return tl::unexpected(window.error());
  const Timestamp deadline = now() + kWindowPatience;
  for (;;) {
    auto grant = answer_to(
        stop, zkde_screencast_unstable_v1_stream_window(
                  connection_->screencast(), window->uuid.c_str(), pointer_of(settings_.cursor)));
    if (grant) {
      grant->description = fmt::format("KWin window \"{}\"", window->title);
      return grant;
    }
    if (grant.error().kind != ErrorKind::kRetry || now() >= deadline) {
      return with_context("KWin refuses to cast the window", std::move(grant.error()));
    }
    const auto paused =
        connection_->dispatch_until(stop, now() + kWindowRetry, [] { return false; });
    if (paused.error().kind != ErrorKind::kRetry) return tl::unexpected(paused.error());
  }
}

// Another lumen of this user may have the name.
std::string KwinCast::free_name() const {
  std::string name(kVirtualName);
  for (unsigned n = 2; n <= kMostVirtual; ++n) {
    if (connection_->outputs().find("Virtual-" + name) == nullptr) break;
    name = fmt::format("{}-{}", kVirtualName, n);
  }
  return name;
}

Result<CastGrant> KwinCast::ask_for_virtual(const StopFd& stop,
                                            const session::VirtualOutput& output) {
  if (connection_->screencast_version() < 2) {
    return fail(ErrorKind::kUnsupported, "this KWin makes no virtual outputs",
                "they came with Plasma 5.24");
  }
  auto grant = answer_to(stop, zkde_screencast_unstable_v1_stream_virtual_output(
                                   connection_->screencast(), free_name().c_str(),
                                   static_cast<std::int32_t>(output.size.width),
                                   static_cast<std::int32_t>(output.size.height),
                                   wl_fixed_from_int(1), pointer_of(settings_.cursor)));
  if (!grant) {
    if (grant.error().kind == ErrorKind::kRetry) grant.error().kind = ErrorKind::kUnsupported;
    return with_context("KWin makes no virtual output", std::move(grant.error()));
  }
  grant->size = output.size;
  // The protocol has no rate: KWin draws at its own and casts no more than the receiver takes.
  grant->most_to_ask_for = {output.refresh_hz, 1};
  grant->description = describe();
  return grant;
}

Result<CastGrant> KwinCast::answer_to(const StopFd& stop,
                                      zkde_screencast_stream_unstable_v1* stream) {
  static constexpr zkde_screencast_stream_unstable_v1_listener kListener = [] {
    zkde_screencast_stream_unstable_v1_listener listener{};
    listener.closed = [](void* data, auto*) { static_cast<Answer*>(data)->closed = true; };
    listener.created = [](void* data, auto*, std::uint32_t node) {
      static_cast<Answer*>(data)->node = node;
    };
    listener.failed = [](void* data, auto*, const char* message) {
      static_cast<Answer*>(data)->refusal = message;
    };
    return listener;
  }();
  answer_ = {};
  stream_.reset(stream);
  zkde_screencast_stream_unstable_v1_add_listener(stream, &kListener, &answer_);
  const auto answered = connection_->dispatch_until(stop, now() + kAnswerTime, [this] {
    return answer_.node || answer_.refusal || answer_.closed;
  });
  if (!answered) return tl::unexpected(answered.error());
  if (!answer_.node) {
    return fail(ErrorKind::kRetry, answer_.refusal.value_or("it closed the stream at once"));
  }
  CastGrant grant;
  grant.node = pipewire::NodeId{*answer_.node};
  grant.cursor_beside =
      pointer_of(settings_.cursor) == ZKDE_SCREENCAST_UNSTABLE_V1_POINTER_METADATA;
  return grant;
}

}  // namespace lumen::kwin
