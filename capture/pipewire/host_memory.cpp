#include "capture/pipewire/host_memory.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lumen::pipewire {

Result<std::shared_ptr<MappedMemory>> MappedMemory::create(int fd, std::size_t offset,
                                                           std::size_t size) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return fail_errno(ErrorKind::kIo, "the producer's memory can't be inspected", errno);
  }
  const auto file_size = static_cast<std::size_t>(info.st_size);
  if (size == 0 || offset > file_size || size > file_size - offset) {
    return fail(ErrorKind::kInvalidArgument,
                fmt::format("the producer announced {} bytes at {} of a file of {} bytes", size,
                            offset, file_size));
  }
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t skip = offset % page;
  void* base =
      ::mmap(nullptr, size + skip, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(offset - skip));
  if (base == MAP_FAILED) {
    return fail_errno(ErrorKind::kIo, "the producer's memory can't be mapped", errno);
  }
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(base) + skip, size);
  return std::shared_ptr<MappedMemory>(new MappedMemory(base, size + skip, bytes));
}

MappedMemory::~MappedMemory() { ::munmap(base_, length_); }

HostMemory::ReadScope RevocableMemory::read() {
  const std::scoped_lock lock(mutex_);
  if (bytes_.empty()) return {};
  ++readers_;
  return {this, bytes_};
}

void RevocableMemory::end_read() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    --readers_;
  }
  idle_.notify_all();
}

void RevocableMemory::revoke() {
  std::unique_lock lock(mutex_);
  bytes_ = {};
  idle_.wait(lock, [this] { return readers_ == 0; });
}

}  // namespace lumen::pipewire
