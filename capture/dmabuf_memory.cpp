#include "capture/dmabuf_memory.h"

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

namespace lumen {

Result<DmaBufMemory> DmaBufMemory::create(const std::array<int, 4>& fds, unsigned count) {
  if (count == 0 || count > fds.size()) {
    return fail(ErrorKind::kInvalidArgument, "a dmabuf needs one to four planes");
  }
  DmaBufMemory memory;
  for (unsigned i = 0; i < count; ++i) {
    auto fd = duplicate(fds[i]);
    if (!fd) return with_context("dmabuf plane", std::move(fd.error()));
    struct stat info{};
    if (::fstat(fd->borrow(), &info) != 0) {
      return fail_errno(ErrorKind::kIo, "can't inspect a dmabuf", errno);
    }
    // SEEK_END is how a dmabuf tells its size (Documentation/driver-api/dma-buf.rst).
    const off_t size = ::lseek(fd->borrow(), 0, SEEK_END);
    memory.planes_[i] = Plane{std::move(*fd), size > 0 ? static_cast<std::uint64_t>(size) : 0,
                              info.st_dev, info.st_ino};
  }
  memory.count_ = count;
  return memory;
}

}  // namespace lumen
