#include "capture/session/mutter/mutter_cast.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "capture/session/mutter/monitors.h"
#include "core/log.h"

namespace lumen::mutter {
namespace {

using namespace std::chrono_literals;
using session::BusMessage;
using session::CastGrant;

constexpr auto kAnswerTime = 10s;
constexpr const char* kService = "org.gnome.Mutter.ScreenCast";
constexpr const char* kPath = "/org/gnome/Mutter/ScreenCast";
constexpr const char* kSession = "org.gnome.Mutter.ScreenCast.Session";
constexpr const char* kStream = "org.gnome.Mutter.ScreenCast.Stream";

constexpr std::uint32_t kMetadata = 2;

/// Mutter's values.
std::uint32_t number_of(session::CursorMode cursor) {
  switch (cursor) {
    case session::CursorMode::kHidden: return 0;
    case session::CursorMode::kMetadata: return kMetadata;
    case session::CursorMode::kAuto:
    case session::CursorMode::kEmbedded: break;
  }
  return 1;
}

/// The reply's only value: an object path.
Result<std::string> path_of(const BusMessage& reply) {
  const char* path = nullptr;
  if (const int code = sd_bus_message_read(reply.get(), "o", &path); code < 0) {
    return session::bus_failure("Mutter's reply", code);
  }
  return std::string(path);
}

tl::unexpected<Error> absent(Error error) {
  if (error.kind == ErrorKind::kNotFound && error.domain.empty()) {
    return fail(ErrorKind::kNotFound, "no Mutter (GNOME Shell) is on the session's D-Bus");
  }
  return tl::unexpected(std::move(error));
}

}  // namespace

MutterCast::MutterCast(MutterCastSettings settings) : settings_(std::move(settings)) {}

std::string MutterCast::describe() const {
  struct Text {
    std::string operator()(const session::FirstOutput&) const { return "Mutter's primary monitor"; }
    std::string operator()(const session::NamedOutput& output) const {
      return "Mutter monitor " + output.name;
    }
    std::string operator()(const session::TitledWindow&) const { return "Mutter window"; }
    std::string operator()(const session::VirtualOutput& output) const {
      return fmt::format("Mutter virtual monitor {}x{}", output.size.width, output.size.height);
    }
  };
  return std::visit(Text{}, settings_.target);
}

Result<CastGrant> MutterCast::open(std::stop_token stop, Ended ended) {
  end();
  const auto stop_fd = StopFd::create(std::move(stop));
  if (!stop_fd) return tl::unexpected(stop_fd.error());
  auto bus = session::SessionBus::open();
  if (!bus) return tl::unexpected(std::move(bus.error()));
  bus_ = std::move(*bus);
  auto grant = ask(**stop_fd);
  if (!grant) {
    end();
    return grant;
  }
  watcher_ = std::jthread([this, ended = std::move(ended)](const std::stop_token& watch_stop) {
    watch(watch_stop, ended);
  });
  return grant;
}

void MutterCast::end() {
  if (watcher_.joinable()) {
    watcher_.request_stop();
    watcher_.join();
  }
  // It would end with the connection too, but Mutter warns of that.
  if (bus_ && !session_path_.empty() && !end_reason_) {
    if (auto stop = bus_->new_call({kService, session_path_.c_str(), kSession, "Stop"})) {
      bus_->send(std::move(*stop));
    }
  }
  session_path_.clear();
  bus_.reset();
  node_.reset();
  end_reason_.reset();
}

void MutterCast::watch(const std::stop_token& stop, const Ended& ended) {
  const auto stop_fd = StopFd::create(stop);
  if (!stop_fd) return ended(stop_fd.error().message);
  const auto done =
      bus_->process_until(**stop_fd, kNoTimestamp, [this] { return end_reason_.has_value(); });
  if (stop.stop_requested()) return;
  ended(done ? *end_reason_ : done.error().message);
}

Result<CastGrant> MutterCast::ask(const StopFd& stop) {
  auto plan = make_plan(stop);
  if (!plan) return tl::unexpected(std::move(plan.error()));
  auto session_path = create_session(stop);
  if (!session_path) return absent(std::move(session_path.error()));
  session_path_ = std::move(*session_path);
  if (auto heard = listen_for_end(); !heard) return tl::unexpected(heard.error());
  const auto stream_path = record(stop, *plan);
  if (!stream_path) return tl::unexpected(stream_path.error());
  auto heard = bus_->on_signal({kService, stream_path->c_str(), kStream, "PipeWireStreamAdded"},
                               [this](sd_bus_message* message) {
                                 std::uint32_t node = 0;
                                 if (sd_bus_message_read(message, "u", &node) >= 0) node_ = node;
                               });
  if (!heard) return tl::unexpected(std::move(heard.error()));
  const Timestamp deadline = now() + kAnswerTime;
  auto start = bus_->new_call({kService, session_path_.c_str(), kSession, "Start"});
  if (!start) return tl::unexpected(std::move(start.error()));
  if (auto started = bus_->call(stop, std::move(*start), deadline); !started) {
    return with_context("Mutter's screen cast doesn't start", std::move(started.error()));
  }
  auto came =
      bus_->process_until(stop, deadline, [this] { return node_ || end_reason_.has_value(); });
  if (!came) return with_context("Mutter makes no stream", std::move(came.error()));
  if (!node_) return fail(ErrorKind::kRetry, *end_reason_);
  plan->grant.node = pipewire::NodeId{*node_};
  plan->grant.cursor_beside = number_of(settings_.cursor) == kMetadata;
  return std::move(plan->grant);
}

Result<MutterCast::Plan> MutterCast::make_plan(const StopFd& stop) {
  if (const auto* output = std::get_if<session::VirtualOutput>(&settings_.target)) {
    Plan plan;
    plan.grant.size_to_ask_for = output->size;
    // Mutter's virtual monitors have the stream's rate.
    plan.grant.most_to_ask_for = {output->refresh_hz, 1};
    plan.grant.description = describe();
    return plan;
  }
  if (std::holds_alternative<session::TitledWindow>(settings_.target)) {
    return fail(ErrorKind::kUnsupported, "Mutter's own interface casts no window by its title",
                "--source portal lets you choose a window");
  }
  const auto* named = std::get_if<session::NamedOutput>(&settings_.target);
  return plan_monitor(stop, named == nullptr ? std::nullopt : std::optional(named->name));
}

Result<MutterCast::Plan> MutterCast::plan_monitor(const StopFd& stop,
                                                  const std::optional<std::string>& name) {
  auto monitors = list_monitors(*bus_, stop);
  if (!monitors) return absent(std::move(monitors.error()));
  if (monitors->empty()) {
    return fail(ErrorKind::kNotFound, "Mutter has no monitor now",
                "--source mutter:virtual=1920x1080 makes one");
  }
  const auto found = std::ranges::find_if(*monitors, [&](const session::OutputInfo& monitor) {
    return !name || monitor.name == *name;
  });
  if (found == monitors->end()) {
    return session::no_such_output(fmt::format("Mutter has no monitor {}", *name), *monitors,
                                   settings_.absent);
  }
  Plan plan;
  plan.connector = found->name;
  plan.grant.size = found->size;
  plan.grant.description = "Mutter monitor " + found->name;
  return plan;
}

Result<void> MutterCast::listen_for_end() {
  auto closed = bus_->on_signal({kService, session_path_.c_str(), kSession, "Closed"},
                                [this](sd_bus_message*) {
                                  if (!end_reason_) end_reason_ = "Mutter ended the screen cast";
                                });
  if (!closed) return closed;
  return bus_->on_owner_change(kService, [this](const std::string&) {
    if (!end_reason_) end_reason_ = "Mutter left the session's D-Bus";
  });
}

Result<std::string> MutterCast::create_session(const StopFd& stop) {
  auto request = bus_->new_call({kService, kPath, kService, "CreateSession"});
  if (!request) return tl::unexpected(std::move(request.error()));
  if (const int code = sd_bus_message_append(request->get(), "a{sv}", 0); code < 0) {
    return session::bus_failure("CreateSession", code);
  }
  return bus_->call(stop, std::move(*request), now() + kAnswerTime).and_then(path_of);
}

Result<std::string> MutterCast::record(const StopFd& stop, const Plan& plan) {
  const bool is_virtual = plan.connector.empty();
  auto request = bus_->new_call(
      {kService, session_path_.c_str(), kSession, is_virtual ? "RecordVirtual" : "RecordMonitor"});
  if (!request) return tl::unexpected(std::move(request.error()));
  int code = is_virtual ? 0 : sd_bus_message_append(request->get(), "s", plan.connector.c_str());
  if (code >= 0) {
    code = sd_bus_message_append(request->get(), "a{sv}", 1, "cursor-mode", "u",
                                 number_of(settings_.cursor));
  }
  if (code < 0) return session::bus_failure("RecordMonitor", code);
  return bus_->call(stop, std::move(*request), now() + kAnswerTime).and_then(path_of);
}

}  // namespace lumen::mutter
