// lumen's kernels on the CPU: the same functions of zerocopy/cuda/kernels that the PTX was made
// from.
#pragma once

#include "simulator.h"

namespace lumen::sim {

struct Grid {
  unsigned threads_x = 0;
  unsigned threads_y = 0;
};

/// Checks what the parameters point at and queues the work. `parameters` is the kernel's one
/// argument.
CUresult submit_kernel(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream,
                       Kernel kernel, const void* parameters, Grid grid);

}  // namespace lumen::sim
