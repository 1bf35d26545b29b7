#include "capture/pipewire/connection.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include <fmt/format.h>

namespace lumen::pipewire {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerTime = 5s;

tl::unexpected<Error> unreachable(int error) {
  return fail_errno(ErrorKind::kDeviceLost, "PipeWire can't be reached", error,
                    "is it running for this user? `systemctl --user status pipewire`; "
                    "XDG_RUNTIME_DIR must name the session's directory");
}

}  // namespace

Result<std::unique_ptr<ThreadLoop>> ThreadLoop::create() {
  // Counted inside libpipewire; never undone, because threads of the library may outlive any owner.
  pw_init(nullptr, nullptr);
  std::unique_ptr<ThreadLoop> self(new ThreadLoop);
  self->loop_ = pw_thread_loop_new("lumen-pipewire", nullptr);
  if (self->loop_ == nullptr) {
    return fail_errno(ErrorKind::kIo, "PipeWire's loop can't be made", errno);
  }
  self->context_ = pw_context_new(self->loop(), nullptr, 0);
  if (self->context_ == nullptr) {
    return fail_errno(ErrorKind::kIo, "PipeWire's client context can't be made", errno,
                      "is the package pipewire-bin (client.conf, modules) installed?");
  }
  if (const int result = pw_thread_loop_start(self->loop_); result < 0) {
    return fail_errno(ErrorKind::kIo, "PipeWire's thread can't be started", -result);
  }
  return self;
}

ThreadLoop::~ThreadLoop() {
  if (loop_ != nullptr) pw_thread_loop_stop(loop_);
  if (context_ != nullptr) pw_context_destroy(context_);
  if (loop_ != nullptr) pw_thread_loop_destroy(loop_);
}

bool ThreadLoop::wait_until(Timestamp deadline) {
  // pw_thread_loop_timed_wait_full() wants the time in the clock that pw_thread_loop_get_time()
  // reads.
  timespec until{};
  const auto left = deadline - now();
  if (left <= Nanoseconds::zero()) return false;
  pw_thread_loop_get_time(loop_, &until, left.count());
  return pw_thread_loop_timed_wait_full(loop_, &until) == 0;
}

Result<std::unique_ptr<Connection>> Connection::create(ThreadLoop& loop, Callbacks callbacks,
                                                       NodeKind kind) {
  pw_core* core = pw_context_connect(loop.context(), nullptr, 0);
  if (core == nullptr) return unreachable(errno);
  return std::unique_ptr<Connection>(new Connection(loop, core, std::move(callbacks), kind));
}

Result<std::unique_ptr<Connection>> Connection::adopt(ThreadLoop& loop, UniqueFd socket,
                                                      Callbacks callbacks) {
  // The library closes the socket, also where this fails.
  pw_core* core = pw_context_connect_fd(loop.context(), socket.release(), nullptr, 0);
  if (core == nullptr) {
    return fail_errno(ErrorKind::kDeviceLost, "the granted PipeWire connection is no use", errno);
  }
  return std::unique_ptr<Connection>(
      new Connection(loop, core, std::move(callbacks), NodeKind::kVideo));
}

Connection::Connection(ThreadLoop& loop, pw_core* core, Callbacks callbacks, NodeKind kind)
    : loop_(loop), core_(core), callbacks_(std::move(callbacks)) {
  static constexpr pw_core_events kEvents = {
      .version = PW_VERSION_CORE_EVENTS,
      .done =
          [](void* data, std::uint32_t id, int seq) {
            auto* self = static_cast<Connection*>(data);
            if (id != PW_ID_CORE || seq != self->awaited_) return;
            self->synced_ = true;
            self->loop_.wake();
          },
      .error =
          [](void* data, std::uint32_t id, int, int result, const char* message) {
            auto* self = static_cast<Connection*>(data);
            if (id != PW_ID_CORE || result != -EPIPE || self->dead_) return;
            self->dead_ = true;
            self->loop_.wake();
            self->callbacks_.lost(message == nullptr ? "connection lost" : message);
          },
  };
  pw_core_add_listener(core_, &listener_, &kEvents, this);
  directory_ = std::make_unique<NodeDirectory>(core_, kind, [this] { callbacks_.nodes_changed(); });
}

Connection::~Connection() {
  directory_.reset();
  spa_hook_remove(&listener_);
  pw_core_disconnect(core_);
}

Result<void> Connection::roundtrip(Timestamp deadline) {
  synced_ = false;
  awaited_ = pw_core_sync(core_, PW_ID_CORE, 0);
  while (!synced_ && !dead_) {
    if (!loop_.wait_until(deadline) && !synced_) {
      return fail(ErrorKind::kDeviceLost, "PipeWire accepts connections but does not answer",
                  "restart it: systemctl --user restart pipewire");
    }
  }
  if (dead_) return unreachable(EPIPE);
  return {};
}

Result<std::vector<NodeInfo>> list_nodes() {
  auto loop = ThreadLoop::create();
  if (!loop) return tl::unexpected(std::move(loop.error()));
  const ThreadLoop::Lock lock(**loop);
  auto connection = Connection::create(**loop, {.nodes_changed = [] {}, .lost = [](auto&) {}});
  if (!connection) return tl::unexpected(std::move(connection.error()));
  if (auto synced = (*connection)->roundtrip(now() + kAnswerTime); !synced) {
    return tl::unexpected(std::move(synced.error()));
  }
  auto nodes = (*connection)->directory().nodes();
  connection->reset();
  return nodes;
}

}  // namespace lumen::pipewire
