// What may be changed about a stream while it runs. A plain value.
#pragma once

#include <functional>
#include <optional>

#include "app/options/stream_options.h"

namespace lumen {

/// Applied to the options in effect: none: as it is.
struct StreamChange {
  std::optional<std::uint64_t> bitrate_bps;
  std::optional<Codec> codec;
  std::optional<Extent> size;
  /// Whatever else, by those who have new options at hand.
  std::function<void(StreamOptions&)> more;
};

}  // namespace lumen
