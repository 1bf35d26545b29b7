// The dmabufs of one producer buffer, held open for as long as any frame or import needs them.
#pragma once

#include <array>
#include <cstdint>

#include "core/error.h"
#include "platform/linux/unique_fd.h"

namespace lumen {

/// One object per producer buffer, made at PipeWire's add_buffer. Importers key their caches on it
/// (std::weak_ptr): when the last owner drops it, the buffer is gone, however fd numbers were
/// recycled meanwhile.
class DmaBufMemory {
 public:
  struct Plane {
    UniqueFd fd;               // duplicate of the producer's, close-on-exec
    std::uint64_t size = 0;    // bytes, from lseek; 0 where the exporter does not tell
    std::uint64_t device = 0;  // st_dev and st_ino name the dmabuf itself, unlike the fd number
    std::uint64_t inode = 0;
  };

  /// Duplicates the planes' descriptors; the caller keeps its own. `fds` beyond `count` are
  /// ignored.
  static Result<DmaBufMemory> create(const std::array<int, 4>& fds, unsigned count);

  [[nodiscard]] unsigned plane_count() const { return count_; }
  [[nodiscard]] const Plane& plane(unsigned index) const { return planes_[index]; }

 private:
  std::array<Plane, 4> planes_;
  unsigned count_ = 0;
};

}  // namespace lumen
