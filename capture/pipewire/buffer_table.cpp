#include "capture/pipewire/buffer_table.h"

#include <algorithm>
#include <span>
#include <utility>

#include <sys/stat.h>

namespace lumen::pipewire {
namespace {

// No producer seen gives more than 16 buffers; leases are at most as many.
constexpr std::size_t kReserve = 64;

bool same_file(int a, int b) {
  struct stat first{};
  struct stat second{};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// Blocks of one memfd become one mapping that spans them all.
Result<void> map_memfd(BufferTable::Entry& entry, std::span<const spa_data> blocks) {
  std::uint64_t begin = blocks[0].mapoffset;
  std::uint64_t end = begin + blocks[0].maxsize;
  for (const spa_data& block : blocks.subspan(1)) {
    if (block.type != SPA_DATA_MemFd ||
        !same_file(static_cast<int>(blocks[0].fd), static_cast<int>(block.fd))) {
      return fail(ErrorKind::kUnsupported, "the planes of a buffer lie in different memory files");
    }
    begin = std::min<std::uint64_t>(begin, block.mapoffset);
    end = std::max<std::uint64_t>(end, std::uint64_t{block.mapoffset} + block.maxsize);
  }
  auto mapped = MappedMemory::create(static_cast<int>(blocks[0].fd), begin, end - begin);
  if (!mapped) return tl::unexpected(std::move(mapped.error()));
  entry.host = std::move(*mapped);
  entry.bounds.size = end - begin;
  for (std::size_t i = 0; i < blocks.size() && i < entry.bounds.block_offset.size(); ++i) {
    entry.bounds.block_offset[i] = blocks[i].mapoffset - begin;
  }
  return {};
}

Result<void> borrow_pointer(BufferTable::Entry& entry, std::span<const spa_data> blocks) {
  if (blocks[0].data == nullptr) {
    return fail(ErrorKind::kInvalidArgument, "a buffer has neither memory nor file descriptor");
  }
  if (blocks.size() > 1) {
    return fail(ErrorKind::kUnsupported, "the planes of a buffer lie behind different pointers");
  }
  entry.revocable = std::make_shared<RevocableMemory>(
      std::span(static_cast<const std::byte*>(blocks[0].data), blocks[0].maxsize));
  entry.host = entry.revocable;
  entry.bounds.size = blocks[0].maxsize;
  return {};
}

Result<void> hold_dmabuf(BufferTable::Entry& entry, const spa_buffer& buffer) {
  std::array<int, 4> fds{-1, -1, -1, -1};
  const unsigned count = dmabuf_plane_count(buffer);
  for (unsigned i = 0; i < count; ++i) fds[i] = static_cast<int>(buffer.datas[i].fd);
  auto memory = DmaBufMemory::create(fds, count);
  if (!memory) return tl::unexpected(std::move(memory.error()));
  entry.dmabuf = std::make_shared<const DmaBufMemory>(std::move(*memory));
  return {};
}

// The branch is on what the buffer is, not on what was negotiated: Weston 14 agreed on modifier 0
// and sent MemFd.
Result<std::string> open_memory(BufferTable::Entry& entry, const spa_buffer& buffer) {
  if (buffer.n_datas == 0) return fail(ErrorKind::kInvalidArgument, "a buffer has no data");
  const std::span<const spa_data> blocks(buffer.datas, buffer.n_datas);
  Result<void> opened;
  std::string name;
  switch (blocks[0].type) {
    case SPA_DATA_MemFd:
      name = "MemFd";
      if (blocks[0].fd < 0) {
        return fail(ErrorKind::kInvalidArgument, "a MemFd buffer has no file descriptor");
      }
      opened = map_memfd(entry, blocks);
      break;
    case SPA_DATA_MemPtr:
      name = "MemPtr";
      opened = borrow_pointer(entry, blocks);
      break;
    case SPA_DATA_DmaBuf:
      name = "DmaBuf";
      opened = hold_dmabuf(entry, buffer);
      break;
    default:
      return fail(ErrorKind::kUnsupported, "a buffer is of a memory type that lumen does not know");
  }
  if (!opened) return tl::unexpected(std::move(opened.error()));
  return name;
}

// Without its syncobjs such a buffer can neither be read at the right time nor be given back.
Result<void> open_sync(BufferTable::Entry& entry, SyncDevice& device, SyncDescriptors descriptors) {
  auto acquire = device.import_timeline(descriptors.acquire);
  if (!acquire) return with_context("acquire timeline", std::move(acquire.error()));
  auto release = device.import_timeline(descriptors.release);
  if (!release) return with_context("release timeline", std::move(release.error()));
  entry.acquire = std::move(*acquire);
  entry.release = std::move(*release);
  return {};
}

// A failure leaves nothing to do: the kernel has no such point, or the device is gone.
void signal(SyncTimeline& timeline, std::uint64_t point) noexcept {
  static_cast<void>(timeline.signal(point));
}

void settle(BufferTable::Entry& entry) noexcept {
  if (entry.points) signal(*entry.release, entry.points->release);
  entry.points.reset();
}

template <typename Work>
void run_in(pw_loop* loop, Work& work) {
  pw_loop_invoke(
      loop,
      [](spa_loop*, bool, std::uint32_t, const void*, std::size_t, void* data) {
        (*static_cast<Work*>(data))();
        return 0;
      },
      SPA_ID_INVALID, nullptr, 0, true, &work);
}

}  // namespace

void BufferTable::attach(Queue queue, pw_loop* data_loop) {
  {
    const std::scoped_lock lock(entries_mutex_);
    queue_ = std::move(queue);
  }
  auto add_event = [this, data_loop] {
    const std::scoped_lock lock(returned_mutex_);
    returned_.reserve(kReserve);
    queueing_.reserve(kReserve);
    debts_.reserve(kReserve);
    data_loop_ = data_loop;
    wake_ = pw_loop_add_event(
        data_loop,
        [](void* self, std::uint64_t) { static_cast<BufferTable*>(self)->queue_returned(); }, this);
  };
  run_in(data_loop, add_event);
}

void BufferTable::detach() {
  {
    const std::scoped_lock lock(entries_mutex_);
    queue_ = nullptr;
  }
  pw_loop* loop = nullptr;
  {
    const std::scoped_lock lock(returned_mutex_);
    loop = data_loop_;
  }
  if (loop == nullptr) return;
  auto remove_event = [this] {
    spa_source* wake = nullptr;
    {
      const std::scoped_lock lock(returned_mutex_);
      wake = std::exchange(wake_, nullptr);
      returned_.clear();
    }
    if (wake != nullptr) pw_loop_destroy_source(data_loop_, wake);
  };
  run_in(loop, remove_event);
  const std::scoped_lock lock(returned_mutex_);
  data_loop_ = nullptr;
}

Result<std::string> BufferTable::add(pw_buffer* buffer) {
  auto entry = std::make_unique<Entry>();
  entry->buffer = buffer;
  auto memory = open_memory(*entry, *buffer->buffer);
  const auto descriptors = sync_descriptors(*buffer->buffer);
  if (memory && entry->dmabuf && sync_ && descriptors) {
    if (auto opened = open_sync(*entry, *sync_, *descriptors); !opened) {
      entry->dmabuf.reset();
      sync_failed_ = true;
      memory = tl::unexpected(std::move(opened.error()));
    }
  }
  const std::scoped_lock lock(entries_mutex_);
  entry->token = next_token_++;
  buffer->user_data = entry.get();
  entries_.emplace(entry->token, std::move(entry));
  return memory;
}

void BufferTable::remove(pw_buffer* buffer) {
  std::unique_ptr<Entry> removed;
  {
    const std::scoped_lock lock(entries_mutex_);
    const auto* entry = static_cast<Entry*>(buffer->user_data);
    if (entry == nullptr) return;
    buffer->user_data = nullptr;
    auto node = entries_.extract(entry->token);
    removed = std::move(node.mapped());
  }
  settle(*removed);
  if (removed->revocable) removed->revocable->revoke();
}

void BufferTable::dequeued(pw_buffer* buffer) {
  auto* const entry = static_cast<Entry*>(buffer->user_data);
  if (entry != nullptr && entry->release) entry->points = sync_points(*buffer->buffer);
}

void BufferTable::skip(pw_buffer* buffer) {
  const std::scoped_lock lock(entries_mutex_);
  if (auto* const entry = static_cast<Entry*>(buffer->user_data)) settle(*entry);
  if (queue_) queue_(buffer);
}

BufferLease BufferTable::lease(Entry& entry) {
  entry.leased = true;
  if (entry.points) {
    const std::scoped_lock lock(returned_mutex_);
    debts_.push_back({entry.token, entry.release, entry.points->release});
    entry.points.reset();
  }
  leases_out_->fetch_add(1);
  return {shared_from_this(), entry.token};
}

void BufferTable::give_back(std::uint64_t token) noexcept {
  leases_out_->fetch_sub(1);
  const std::scoped_lock lock(returned_mutex_);
  const auto debt = std::ranges::find(debts_, token, &Debt::token);
  if (debt != debts_.end()) {
    signal(*debt->release, debt->point);
    debts_.erase(debt);
  }
  if (wake_ == nullptr) return;
  returned_.push_back(token);
  pw_loop_signal_event(data_loop_, wake_);
}

void BufferTable::queue_returned() {
  {
    const std::scoped_lock lock(returned_mutex_);
    std::swap(returned_, queueing_);
  }
  const std::scoped_lock lock(entries_mutex_);
  for (const std::uint64_t token : queueing_) {
    const auto found = entries_.find(token);  // gone: the buffer was removed while it was leased
    if (found == entries_.end() || !queue_ || !found->second->leased) continue;
    found->second->leased = false;
    queue_(found->second->buffer);
  }
  queueing_.clear();
}

}  // namespace lumen::pipewire
