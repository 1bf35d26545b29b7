// How many blocks of threads a kernel needs along one axis.
#pragma once

#include <cstdint>

namespace lumen::cuda {

constexpr unsigned blocks(std::uint32_t count, unsigned per_block) {
  return (count + per_block - 1) / per_block;
}

}  // namespace lumen::cuda
