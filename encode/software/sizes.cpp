#include "encode/software/sizes.h"

#include <algorithm>

#include <fmt/format.h>

namespace lumen::software {

Result<void> check_size(Extent size) {
  if (!size.empty() && size.width % 2 == 0 && size.height % 2 == 0 && size.width <= kMaxSide &&
      size.height <= kMaxSide) {
    return {};
  }
  return fail(ErrorKind::kInvalidArgument,
              fmt::format("{}x{} can't be encoded: both sides must be even and at most {}",
                          size.width, size.height, kMaxSide));
}

Result<void> check_new_size(const EncoderSettings& opened, Extent wanted) {
  const Extent most{std::max(opened.max_size.width, opened.size.width),
                    std::max(opened.max_size.height, opened.size.height)};
  if (check_size(wanted) && wanted.width <= most.width && wanted.height <= most.height) return {};
  return fail(ErrorKind::kUnsupported,
              fmt::format("can't go to {}x{} while encoding", wanted.width, wanted.height));
}

}  // namespace lumen::software
