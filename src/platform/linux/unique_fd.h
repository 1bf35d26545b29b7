// Owned file descriptor. duplicate() sets CLOEXEC.
#pragma once

#include "core/error.h"
#include "platform/unique_handle.h"

namespace lumen {

struct FdTraits {
  using type = int;
  static int empty() { return -1; }
  static void close(int fd);
};

using UniqueFd = UniqueHandle<FdTraits>;

/// A second descriptor for the same file, close-on-exec. The original stays its owner's.
Result<UniqueFd> duplicate(int fd);

}  // namespace lumen
