// The buffers of one stream, from PipeWire's add_buffer to its remove_buffer, and the way back for
// leases.
//
// Three threads meet here: PipeWire's main loop adds and removes, its data loop dequeues and
// queues, and any thread may drop a lease. The stream's queues are unlocked rings that only the
// data loop may touch, so a dropped lease is put on a list and the data loop is woken to queue it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <pipewire/pipewire.h>

#include "capture/captured_frame.h"
#include "capture/dmabuf_memory.h"
#include "capture/pipewire/buffer_layout.h"
#include "capture/pipewire/host_memory.h"

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
    bool leased = false;
  };

  using Count = std::atomic<std::uint64_t>;

  /// `leases_out` counts the leases of all tables of a source, also those that outlive their
  /// stream.
  explicit BufferTable(std::shared_ptr<Count> leases_out) : leases_out_(std::move(leases_out)) {}

  /// Begins to serve a stream. Main loop, before connecting.
  void attach(pw_stream* stream, pw_loop* data_loop);
  /// Forgets the stream: leases that come back later are dropped silently. Main loop, before the
  /// stream is destroyed.
  void detach();

  /// Main loop. An error leaves the buffer known but unusable: its frames are skipped.
  Result<std::string> add(pw_buffer* buffer);
  void remove(pw_buffer* buffer);

  /// Data loop only. The mutex that keeps entries alive is held as long as the visit lasts.
  template <typename Visit>
  void visit(pw_buffer* buffer, Visit&& visit_entry) {
    const std::scoped_lock lock(entries_mutex_);
    visit_entry(static_cast<Entry*>(buffer->user_data));
  }
  BufferLease lease(Entry& entry);
  /// Data loop only: queues every buffer whose lease came back.
  void queue_returned();

  void give_back(std::uint64_t token) noexcept override;

 private:
  std::mutex entries_mutex_;
  std::map<std::uint64_t, std::unique_ptr<Entry>> entries_;
  std::uint64_t next_token_ = 1;
  pw_stream* stream_ = nullptr;

  std::mutex returned_mutex_;
  std::vector<std::uint64_t> returned_;
  std::vector<std::uint64_t> queueing_;  // data loop's half of the pair; swapped, never reallocated
  pw_loop* data_loop_ = nullptr;
  spa_source* wake_ = nullptr;

  std::shared_ptr<Count> leases_out_;
};

}  // namespace lumen::pipewire
