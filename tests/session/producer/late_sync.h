// Explicit sync from the producer's side, as a compositor with a slow GPU has it: a picture is sent
// before it is drawn, and its acquire point is signalled after. Counts the release points.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <pipewire/pipewire.h>

#include "core/error.h"
#include "core/time.h"
#include "loop_timer.h"
#include "node_settings.h"
#include "platform/linux/drm_syncobj.h"
#include "support/drm_device.h"

namespace lumen::producer {

/// Loop thread only. Outlives the nodes that use it.
class LateSync {
 public:
  /// `settings` with explicit_sync. Errors: kUnsupported, this build or machine has no explicit
  /// sync, or no fences for Submission::kAtOnce.
  static Result<std::unique_ptr<LateSync>> create(pw_loop* loop, const NodeSettings& settings);
  LateSync(const LateSync&) = delete;

  /// A new buffer: it gets two syncobjs where the points were negotiated.
  Result<void> attach(pw_buffer* buffer);
  /// A buffer goes; what is not drawn yet never will be.
  void detach(pw_buffer* buffer);
  [[nodiscard]] bool governs(pw_buffer* buffer) const { return buffers_.contains(buffer); }

  /// A buffer comes back from the consumer: its last release point must be signalled.
  void reuse(pw_buffer* buffer);
  /// Writes the next points into the buffer, which is to be queued now, and draws later.
  void send(pw_buffer* buffer, std::function<void()> draw);

  struct Totals {
    std::uint64_t sent = 0;
    std::uint64_t released = 0;  // also after their buffer was removed
    std::uint64_t early = 0;     // buffers that came back unreleased
    std::uint64_t pending = 0;   // of those sent: with a fence from the beginning
  };
  /// Waits a little for the release points that are still out.
  Totals finish();

 private:
  struct Point {
    std::shared_ptr<SyncTimeline> timeline;
    std::uint64_t point = 0;
  };
  struct Buffer {
    UniqueFd fake;  // in the place of both syncobjs
    SyncDevice::NewTimeline acquire;
    SyncDevice::NewTimeline release;
    std::uint64_t point = 0;  // the last one sent, of both
    bool out = false;         // sent and not reused
  };
  struct Drawing {
    pw_buffer* buffer = nullptr;
    std::function<void()> draw;
    Point acquire;
    std::optional<test::PendingFence> fence;  // the point's, where it has one already
    Timestamp due;

    void signal();
  };

  LateSync(pw_loop* loop, const NodeSettings& settings, std::shared_ptr<SyncDevice> device);
  void draw_due();

  Nanoseconds delay_;
  Submission submission_;
  Syncobjs syncobjs_;
  std::shared_ptr<SyncDevice> device_;
  LoopTimer timer_;
  std::map<pw_buffer*, Buffer> buffers_;
  std::deque<Drawing> drawings_;  // in order of time
  std::vector<Point> orphans_;    // release points of buffers that went while they were out
  Totals totals_;
};

}  // namespace lumen::producer
