// A PipeWire thread loop, and a connection to the daemon that can be lost and made again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <pipewire/pipewire.h>

#include "capture/pipewire/node_directory.h"
#include "core/error.h"
#include "core/time.h"
#include "platform/linux/unique_fd.h"

namespace lumen::pipewire {

/// libpipewire's own thread, and the context that lives on it. The daemon need not run for this.
class ThreadLoop {
 public:
  /// Holds the loop's lock: what PipeWire's main-thread functions ask for when called from
  /// elsewhere.
  class Lock {
   public:
    explicit Lock(ThreadLoop& loop) : loop_(loop.loop_) { pw_thread_loop_lock(loop_); }
    Lock(const Lock&) = delete;
    ~Lock() { pw_thread_loop_unlock(loop_); }

   private:
    pw_thread_loop* loop_;
  };

  static Result<std::unique_ptr<ThreadLoop>> create();
  ThreadLoop(const ThreadLoop&) = delete;
  ~ThreadLoop();

  [[nodiscard]] pw_loop* loop() const { return pw_thread_loop_get_loop(loop_); }
  [[nodiscard]] pw_context* context() const { return context_; }

  /// With the lock held: waits until wake() or the deadline. False at the deadline.
  bool wait_until(Timestamp deadline);
  void wake() { pw_thread_loop_signal(loop_, false); }

 private:
  ThreadLoop() = default;
  pw_thread_loop* loop_ = nullptr;
  pw_context* context_ = nullptr;
};

/// One connection to the daemon. All calls with the loop locked or on its thread.
class Connection {
 public:
  struct Callbacks {
    std::function<void()> nodes_changed;
    /// The daemon went away. Called inside one of its own events: destroy the Connection later.
    std::function<void(const std::string&)> lost;
  };

  /// The directory is one of nodes of that kind. kDeviceLost where no daemon answers.
  static Result<std::unique_ptr<Connection>> create(ThreadLoop& loop, Callbacks callbacks,
                                                    NodeKind kind = NodeKind::kVideo);
  /// Over a socket that somebody else opened (the desktop portal), and that shows what they allow.
  static Result<std::unique_ptr<Connection>> adopt(ThreadLoop& loop, UniqueFd socket,
                                                   Callbacks callbacks);
  Connection(const Connection&) = delete;
  ~Connection();

  /// Waits until the registry has told everything it knew when asked.
  Result<void> roundtrip(Timestamp deadline);

  [[nodiscard]] pw_core* core() const { return core_; }
  [[nodiscard]] const NodeDirectory& directory() const { return *directory_; }

 private:
  Connection(ThreadLoop& loop, pw_core* core, Callbacks callbacks, NodeKind kind);

  ThreadLoop& loop_;
  pw_core* core_;
  Callbacks callbacks_;
  spa_hook listener_{};
  int awaited_ = -1;
  bool synced_ = false;
  bool dead_ = false;
  std::unique_ptr<NodeDirectory> directory_;
};

/// What `lumen-host sources` prints: connects, asks, disconnects.
Result<std::vector<NodeInfo>> list_nodes();

}  // namespace lumen::pipewire
