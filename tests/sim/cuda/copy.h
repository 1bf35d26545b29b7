// Rectangles of bytes in device memory, arrays and host memory: checked when a copy is submitted,
// moved when it runs.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "simulator.h"

namespace lumen::sim {

struct Extent2D {
  std::size_t width_bytes = 0;
  std::size_t height = 0;
};

/// One side of a copy. `storage` is null for ordinary host memory.
struct Rows {
  std::byte* first = nullptr;
  std::size_t pitch = 0;
  std::shared_ptr<Storage> storage;
  bool pageable = false;
};

enum class Access { kRead, kWrite };

/// Each gives null first and a violation where the rectangle is not all inside.
Rows rows_of_device(Simulator& sim, CUdeviceptr address, std::size_t pitch, Extent2D extent,
                    Access access);
Rows rows_of_array(Simulator& sim, CUarray array, std::size_t x_bytes, std::size_t y,
                   Extent2D extent, Access access);
Rows rows_of_host(Simulator& sim, const void* memory, std::size_t pitch, Extent2D extent);

/// Queues the copy. Pageable sources are read now, and a copy into pageable memory is waited for,
/// as CUDA does ("API synchronization behavior").
CUresult submit_copy(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream, Rows from,
                     Rows to, Extent2D extent);
CUresult submit_fill(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream, Rows to,
                     Extent2D extent, unsigned char value);

/// Now, without a stream: for the encoder stand-in, which has waited already.
void copy_now(const Rows& from, const Rows& to, Extent2D extent);

}  // namespace lumen::sim
