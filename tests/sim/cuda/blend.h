// lumen's kernels that lay the pointer over a picture, on the CPU.
#pragma once

#include "kernels.h"

namespace lumen::sim {

/// As submit_kernel(), for Kernel::kBlend and kBlendTen.
CUresult submit_blend(Simulator& sim, Lock& lock, const std::shared_ptr<Stream>& stream,
                      Kernel kernel, const void* parameters, Grid grid);

}  // namespace lumen::sim
