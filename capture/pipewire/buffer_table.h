// The buffers of one stream, from PipeWire's add_buffer to its remove_buffer, and the way back for
// leases.
//
// Three threads meet here: PipeWire's main loop adds and removes, its data loop dequeues and
// queues, and any thread may drop a lease. The stream's queues are unlocked rings that only the
// data loop may touch, so a dropped lease is put on a list and the data loop is woken to queue it.
//
// With explicit sync every buffer that was dequeued owes its producer one signal, whatever became
// of the picture, of the buffer or of the stream; it is given before the buffer is queued.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <pipewire/pipewire.h>

#include "capture/captured_frame.h"
#include "capture/dmabuf_memory.h"
#include "capture/pipewire/buffer_layout.h"
#include "capture/pipewire/explicit_sync.h"
#include "capture/pipewire/host_memory.h"
#include "platform/linux/drm_syncobj.h"

namespace lumen::pipewire {

class BufferTable final : public LeaseReturn, public std::enable_shared_from_this<BufferTable> {
 public:
  struct Entry {
    std::uint64_t token = 0;
    pw_buffer* buffer = nullptr;
    std::shared_ptr<HostMemory> host;            // MemFd and MemPtr
    std::shared_ptr<RevocableMemory> revocable;  // the same object, MemPtr only
    std::shared_ptr<const DmaBufMemory> dmabuf;
    MemoryBounds bounds;
    std::shared_ptr<SyncTimeline> acquire;  // both or none
    std::shared_ptr<SyncTimeline> release;
    std::optional<SyncPoints> points;  // of the picture that was dequeued and not given back
    bool leased = false;
  };

  using Count = std::atomic<std::uint64_t>;

  /// Hands a buffer to the stream's queue. Data loop only.
  using Queue = std::function<void(pw_buffer*)>;

  /// `leases_out` counts the leases of all tables of a source, also those that outlive their
  /// stream. `sync` opens syncobjs; null where explicit sync is not offered.
  BufferTable(std::shared_ptr<Count> leases_out, std::shared_ptr<SyncDevice> sync)
      : sync_(std::move(sync)), leases_out_(std::move(leases_out)) {}

  /// Begins to serve a stream. Main loop, before anything is delivered.
  void attach(Queue queue, pw_loop* data_loop);
  /// Forgets the stream: leases that come back later are dropped silently. Main loop, before the
  /// stream is destroyed.
  void detach();

  /// Main loop. An error leaves the buffer known but unusable: its frames are skipped.
  Result<std::string> add(pw_buffer* buffer);
  void remove(pw_buffer* buffer);
  /// Main loop. An add() failed for a buffer's syncobjs: nothing is lacking without explicit sync.
  [[nodiscard]] bool sync_failed() const { return sync_failed_; }

  /// Data loop only. The mutex that keeps entries alive is held as long as the visit lasts.
  template <typename Visit>
  void visit(pw_buffer* buffer, Visit&& visit_entry) {
    const std::scoped_lock lock(entries_mutex_);
    visit_entry(static_cast<Entry*>(buffer->user_data));
  }
  /// Data loop only, for every buffer that comes out of the stream's queue: notes what it owes.
  static void dequeued(pw_buffer* buffer);
  /// Data loop only: gives it back at once, unread.
  void skip(pw_buffer* buffer);
  /// Data loop only, inside a visit.
  BufferLease lease(Entry& entry);
  /// Data loop only: queues every buffer whose lease came back.
  void queue_returned();

  void give_back(std::uint64_t token) noexcept override;

 private:
  std::mutex entries_mutex_;
  std::map<std::uint64_t, std::unique_ptr<Entry>> entries_;
  std::uint64_t next_token_ = 1;
  Queue queue_;  // empty: no stream
  std::shared_ptr<SyncDevice> sync_;
  bool sync_failed_ = false;

  std::mutex returned_mutex_;
  std::vector<std::uint64_t> returned_;
  std::vector<std::uint64_t> queueing_;  // data loop's half of the pair; swapped, never reallocated
  /// What a leased buffer owes. Apart from its entry, which may go before the lease does.
  struct Debt {
    std::uint64_t token = 0;
    std::shared_ptr<SyncTimeline> release;
    std::uint64_t point = 0;
  };
  std::vector<Debt> debts_;
  pw_loop* data_loop_ = nullptr;
  spa_source* wake_ = nullptr;

  std::shared_ptr<Count> leases_out_;
};

}  // namespace lumen::pipewire
